"""Answers made into what happened: pure functions of what was remembered and what came in."""
