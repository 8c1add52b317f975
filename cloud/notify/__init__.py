"""Telling people: notices of the outbox go out through the channels of the channels file."""
