"""One-time tickets for the live feed: signed, so that it may be its own process (D15)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from dispatch.clock import Clock, SystemClock
from dispatch.services.people import Person

LASTS = 30.0
"""Real seconds."""
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Guest:
    """Who comes in, and the session (see `session_id`) with whose end the right to stay ends."""

    person: Person
    session: str


class _Claim(msgspec.Struct, array_like=True):
    guest: Guest
    until: float
    nonce: str


class Tickets:
    """Issues tickets, and redeems each once. Redeemed ones are remembered until they would end anyway."""

    def __init__(self, secret: str, clock: Clock | None = None) -> None:
        self._key = hmac.digest(secret.encode(), b"live-ticket", sha256)
        self._clock = clock or SystemClock()
        self._used: dict[str, float] = {}

    def issue(self, guest: Guest) -> str:
        """A ticket for one connection within LASTS seconds."""
        until = self._clock.now().timestamp() + LASTS
        claim = msgspec.json.encode(_Claim(guest, until, secrets.token_hex(16)))
        return base64.urlsafe_b64encode(self._sign(claim) + claim).decode()

    def redeem(self, ticket: str) -> Guest | None:
        """Whose ticket this is; None where it is forged, too old, or used."""
        try:
            raw = base64.urlsafe_b64decode(ticket.encode())
        except (binascii.Error, ValueError):
            return None
        signature, claim = raw[:_DIGEST], raw[_DIGEST:]
        if not hmac.compare_digest(signature, self._sign(claim)):
            return None
        known = msgspec.json.decode(claim, type=_Claim)
        now = self._clock.now().timestamp()
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        if known.until <= now or known.nonce in self._used:
            return None
        self._used[known.nonce] = known.until
        return known.guest

    def _sign(self, claim: bytes) -> bytes:
        return hmac.digest(self._key, claim, sha256)
