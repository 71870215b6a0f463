"""JT/T 905-2014: taxis' terminals (ISU) in China, whose protocol has orders of its own."""

from gps_gateway.protocols.jt905.codec import Jt905

__all__ = ["Jt905"]
