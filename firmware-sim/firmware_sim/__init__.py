"""Simulated devices, people and faults, over real Modbus and MQTT."""
