"""OsmAnd and Traccar Client: positions by HTTP, from a phone."""

from gps_gateway.protocols.osmand.request import parse

__all__ = ["parse"]
