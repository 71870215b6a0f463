"""Meitrack: T, MVT, MT, TC and P series (MEITRACK GPRS Protocol V1.6 and the later ones of single models)."""

from gps_gateway.protocols.meitrack.codec import Meitrack, begins

__all__ = ["Meitrack", "begins"]
