"""The store: one protocol, a PostgreSQL and an in-memory backend, both through one contract suite."""
