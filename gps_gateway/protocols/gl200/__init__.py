"""Queclink @Track, the ASCII form: GL, GV, GB, CV and GMT devices (@Track Air Interface Protocol of each model)."""

from gps_gateway.protocols.gl200.codec import Gl200, begins

__all__ = ["Gl200", "begins"]
