"""The agent on site: reads devices, keeps what they say, sends it up. It never writes to a device."""
