"""The service: ingest, correlation, store, web."""
