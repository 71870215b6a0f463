"""JT/T 808: road vehicles' terminals in China (2011 and 2013; the header of 2019)."""

from gps_gateway.protocols.jt808.codec import Jt808

__all__ = ["Jt808"]
