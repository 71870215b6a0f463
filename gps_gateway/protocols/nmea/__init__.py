"""Plain NMEA 0183 over TCP and UDP, with the identities that modems and trackers (T55 and others) put beside it."""

from gps_gateway.protocols.nmea.codec import Nmea, begins

__all__ = ["Nmea", "begins"]
