"""Who is on a connection, and what it has already said. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Literal

from dispatch.messages import code_for
from gps_gateway.codec import Frame, Login, Report

REMEMBERED = 64
"""Frames by which a resend is recognised: a terminal resends its latest ones."""

DEVICES = 64
"""Devices that one connection may speak for, where a protocol names the device in every packet."""

State = Literal["anonymous", "undecided", "quarantined", "authenticated"]


def code_matches(secret: str, device: str, code: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(code_for(secret, device).encode(), code.encode())


def believable(login: Login, secret: str, there: Session | None) -> bool:
    """Whether it may be who it says; `there`: where the device is online. Who has no code does not take the place of
    one that showed its own: anybody can write a number into a packet."""
    if login.code is None:
        return there is None or not there.proven
    return code_matches(secret, login.device, login.code)


def _key(event: Frame) -> int:
    """Of this very frame. 64 bits of its bytes and its serial in one number instead of four objects."""
    return hash((event.ref, event.mark))


class Session:
    """Identity, authentication and the frames already taken of one connection."""

    __slots__ = ("_taken", "devices", "proven", "state")

    def __init__(self) -> None:
        self.devices: tuple[str, ...] = ()
        self.state: State = "anonymous"
        self.proven = False
        """Whether the device showed its authentication code."""
        self._taken: dict[int, bool] = {}
        """Frame (`_key`) → whether it is durable. Small, because a thousand of these are looked into in turn."""

    @property
    def device(self) -> str:
        """The device that authenticated here last; empty: none."""
        return self.devices[-1] if self.devices else ""

    def admit(self, device: str, *, proven: bool) -> None:
        """This connection is this device's from now on, beside those that it was already."""
        self.devices += (device,)
        self.proven = proven
        self.state = "authenticated"

    def wait(self, state: Literal["undecided", "quarantined"]) -> None:
        """It could not be asked whether a device is ours, or it is not yet: strangers are answered nothing until it is."""
        self.state = state

    def dismiss(self, device: str) -> None:
        """This one is not here any more."""
        self.devices = tuple(other for other in self.devices if other != device)
        if not self.devices:
            self.proven = False
            self.state = "anonymous"

    def speaks_for(self, event: Frame) -> bool:
        """Whether this frame comes from a device that has authenticated here."""
        return event.device in self.devices

    def take(self, event: Frame) -> Literal["new", "pending", "stored"]:
        """Whether this very frame was taken before: a resend is acknowledged again, never doubled.

        The bytes count beside the serial, because there are devices whose serial never changes. Positions without
        a time of their own are new every time: whoever stands still says the same again, and was there again.
        """
        key = _key(event)
        known = self._taken.get(key)
        if known is not None and not (known and _timeless(event)):
            return "stored" if known else "pending"
        self._taken[key] = False
        if len(self._taken) > REMEMBERED:
            del self._taken[next(iter(self._taken))]
        return "new"

    def stored(self, events: Iterable[Frame]) -> None:
        """What `take` gave as new is durable now."""
        taken = self._taken
        for event in events:
            key = _key(event)
            if key in taken:
                taken[key] = True

    def forget(self, event: Frame) -> None:
        """What `take` gave as new could not be taken: its resend is new again."""
        self._taken.pop(_key(event), None)


def _timeless(event: Frame) -> bool:
    return isinstance(event, Report) and any(fix.time is None for fix in event.fixes)
