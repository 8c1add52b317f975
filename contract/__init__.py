"""What edge and cloud agree on: events, batches, topics, the site model. Imports nothing of either side."""
