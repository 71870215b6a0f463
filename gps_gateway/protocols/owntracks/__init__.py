"""OwnTracks: positions of a phone, by HTTP or by way of an MQTT broker."""

from gps_gateway.protocols.owntracks.message import device_of, parse, read

__all__ = ["device_of", "parse", "read"]
