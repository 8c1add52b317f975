"""Parts that run embedded, for the demo and the tests: a broker, a database, and our own processes."""
