"""TK103: trackers that speak `(deviceBR00…)`, and their kin with commas, `(device,ZC11,…)`."""

from gps_gateway.protocols.tk103.codec import Tk103, begins

__all__ = ["Tk103", "begins"]
