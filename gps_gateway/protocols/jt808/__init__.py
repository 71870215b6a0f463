"""JT/T 808-2011, 2013 and 2019: road vehicles' terminals in China, and the many trackers that speak it."""

from gps_gateway.protocols.jt808.codec import Jt808

__all__ = ["Jt808"]
