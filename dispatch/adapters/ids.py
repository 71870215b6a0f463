"""New ids: short enough to be read out on the telephone, and never the same twice."""

from __future__ import annotations

import secrets
from datetime import datetime, tzinfo

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without what is mistaken for something else when spoken or written."""


class RandomIds:
    """Order ids begin with the local date: `W1124-7KQ2MD`."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def order_id(self, now: datetime) -> str:
        return f"W{now.astimezone(self._zone):%m%d}-{_word(6)}"

    def contact_id(self) -> str:
        return f"C-{_word(12)}"


def _word(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
