"""`sitewarden sim run`: a scenario played in virtual time, from the simulated devices to the verdicts."""
