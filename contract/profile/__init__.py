"""Device profiles: what a kind of device can be asked, and what its answers mean. All of it is data."""
