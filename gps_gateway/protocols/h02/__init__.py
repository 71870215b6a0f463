"""H02: trackers of many makers that speak `*HQ,device,V1,…#` and, for positions, a binary form of it."""

from gps_gateway.protocols.h02.codec import H02, begins

__all__ = ["H02", "begins"]
