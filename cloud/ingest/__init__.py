"""From the stream to the database: decode, admit, correlate, one transaction, acks."""
