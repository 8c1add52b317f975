"""The PostgreSQL backend. With TimescaleDB the big tables are hypertables; without it all works the same."""
