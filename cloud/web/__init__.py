"""What people and programs see of the cloud: the API, the live stream, one plain live page."""
