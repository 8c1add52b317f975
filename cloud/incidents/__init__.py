"""Incidents: what people must look at now, derived from what the engine and the links tell. Pure."""
