"""The way up: which batch goes next, and the wire that carries it."""
