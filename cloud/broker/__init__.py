"""The broker: its configuration, the capturing stream, and the cloud's connection to it."""
