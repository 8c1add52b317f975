"""What people do about what was decided: alarms, incidents, orders, drills, duty, and who is told. Pure."""
