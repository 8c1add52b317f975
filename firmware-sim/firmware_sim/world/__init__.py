"""The simulated estate and its people: pure, seeded, and told the time by its caller."""
