"""Drivers: each reads one line of the agent and tells what it saw through `edge.ports.Sink`."""
