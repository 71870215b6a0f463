"""Teltonika: trackers of the FM, FMB, TMT and GH families."""

from gps_gateway.protocols.teltonika.codec import Teltonika

__all__ = ["Teltonika"]
