"""Adapters: they put simulated devices on real wires. The rim; everything else is pure."""
