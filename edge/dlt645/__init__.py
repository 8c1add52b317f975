"""Meters by DL/T 645-2007."""
