"""Real vehicles' traces, pushed through real sockets into the gateway."""
