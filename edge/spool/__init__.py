"""The spool: what was read waits here, on disk, until the cloud says that it is in its database."""
