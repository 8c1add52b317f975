"""The `sitewarden` command: it may import every side, and only inside the subcommand that needs it."""
