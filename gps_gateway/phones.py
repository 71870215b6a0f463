"""What people see of devices that have no connection: each request, or message of a broker, comes alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dispatch.messages import DeviceState, SeenFrame
from gps_gateway.codec import Event, Frame, Rejected, Report, Status
from gps_gateway.seen import KEPT, Seen

if TYPE_CHECKING:
    from gps_gateway.window import Window

PHONES = 5_000
"""Of more, the one that was silent longest is forgotten, and its counts begin anew."""

SILENCE = 600.0
"""Seconds after which a phone that says nothing counts as gone."""


class _Phone:
    __slots__ = ("seen", "unseen")

    def __init__(self, now: float) -> None:
        self.seen = Seen(now)
        self.unseen: list[SeenFrame] = []
        """The last frames, as far as they are not where people look."""


class Phones:
    """Of one gateway; registered devices only."""

    def __init__(self, window: Window, gateway: str) -> None:
        self._window = window
        self._gateway = gateway
        self._phones: OrderedDict[str, _Phone] = OrderedDict()

    def took(
        self,
        device: str,
        protocol: str,
        address: str,
        event: Event,
        frames: Sequence[SeenFrame],
        *,
        kept: bool,
    ) -> None:
        """It said this; `frames`: its request and our answer; `kept`: what it said is durable."""
        phone = self._phones.pop(device, None) or _Phone(frames[0].at)
        self._phones[device] = phone
        if len(self._phones) > PHONES:
            self._phones.popitem(last=False)
        seen = phone.seen
        seen.last = frames[0].at
        seen.frames += 1
        if isinstance(event, Rejected):
            seen.reject(reason(event))
        elif kept and isinstance(event, Report | Status):
            seen.kept((event,))
        phone.unseen = [*phone.unseen, *frames][-KEPT:]
        if isinstance(event, Rejected) or device in self._window.watched:
            self.show(device)
        self._window.went(self._state(device, protocol, address, seen))

    def refused(self, event: Event, why: str, protocol: str, address: str, raw: bytes) -> None:
        """Nobody may speak so for whom it names; `raw` as it may be shown."""
        device = device_of(event)
        if device and why == "wrong protocol":
            self._window.misnamed(device, address, protocol, raw)
        else:
            trace = [(self._window.clock.now().timestamp(), raw, False)]
            self._window.stranger(device or address, address, protocol, why if device else "rejected", trace)

    def show(self, device: str) -> None:
        """Somebody looks at it, or should."""
        if phone := self._phones.get(device):
            unseen, phone.unseen = phone.unseen, []
            for frame in unseen:
                self._window.frame(device, frame)

    def _state(self, device: str, protocol: str, address: str, seen: Seen) -> DeviceState:
        return DeviceState(
            device, True, protocol, address, self._gateway, seen.since, seen.last, seen.fix_time, seen.frames,
            rejected=dict(seen.rejected or {}), status=seen.status or {}, status_at=seen.status_at,
            until=seen.last + SILENCE,
        )  # fmt: skip


def reason(event: Rejected) -> str:
    """Of a fixed set: without the values that were found, which are for whoever set up the phone."""
    words = event.reason.partition(":")[0].split(" ")
    return " ".join(word for word in words if word[:1] not in {"'", '"'})


def device_of(event: Event) -> str:
    """Who is meant to have said it; empty: nobody is named."""
    return event.device if isinstance(event, Frame | Rejected) else ""
