"""Floor plans: what is drawn of a site, from its own drawings or, where it has none, by itself."""
