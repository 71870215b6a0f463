"""GT06: the trackers of Concox and Jimi and the many that speak as they do."""

from gps_gateway.protocols.gt06.codec import Gt06

__all__ = ["Gt06"]
