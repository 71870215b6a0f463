"""One folder a protocol; the registry is `PROTOCOLS`."""
