"""What is made of verdicts: figures of a period, the difference of two sets of rules, the account of one. Pure."""
