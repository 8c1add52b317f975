"""What the edge reads, for other systems to read: Home Assistant and Sparkplug B."""
