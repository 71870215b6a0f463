"""GPS103: trackers of Coban and many others that speak `imei:…,tracker,…;`."""

from gps_gateway.protocols.gps103.codec import Gps103, begins

__all__ = ["Gps103", "begins"]
