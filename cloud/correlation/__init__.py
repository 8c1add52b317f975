"""The correlation engine: events, coverage and time rules in, verdicts out. Pure: no clock, no disk, no net."""
