"""Where the centre meets the world: databases, Redis, HTTP, sockets, channels, roads."""
