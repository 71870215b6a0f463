"""A safety net. What escapes from a codec is a bug of ours: it costs the device that packet and nothing else.

The bytes stay unanswered and are `Rejected`, counted and shown like a device's own defects, and the bug is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from dispatch.clock import SystemClock
from gps_gateway.codec import Codec, Event, Rejected
from gps_gateway.protocols.lines import KEPT

log = logging.getLogger(__name__)

FAILED = "codec failed"

EVERY = 10.0
"""Seconds between two lines of one kind in the log: a device sends what was not answered again and again."""

LOGGED = 64
"""Bytes that a line of the log shows."""

BYTEWISE = 4096
"""Bytes of one arrival that are read again one by one."""

FAILURES = 16
"""In one arrival; what comes after them is dropped unanswered."""

_next: dict[str, float] = {}
"""Kind of line → when such a one is logged again (monotonic)."""


def seldom(kind: str) -> bool:
    """Whether a line of this kind, one of a few, is to be logged now: who sends much must not fill a disk with it."""
    now = SystemClock.monotonic()
    if now < _next.get(kind, 0.0):
        return False
    _next[kind] = now + EVERY
    return True


def failed(protocol: str, device: str, data: bytes) -> Rejected:
    """The value of bytes on which a codec raised; called while its exception is handled."""
    if seldom(f"{protocol} failed"):
        first = data[:LOGGED].hex()
        log.exception("the codec of %s failed on what %s sent: %s", protocol, device or "somebody", first)
    return Rejected(FAILED, data[:KEPT], device)


def salvage(codec: Codec, fresh: Callable[[], Codec], data: bytes, device: str) -> tuple[Codec, list[Event]]:
    """What `data`, on which `receive` raised, means without the packet that it raised on, and the codec that goes on.

    The codec gave nothing of what stood before that packet. Any split of a stream means the same, so the arrival is
    read again byte by byte; what was buffered before it is given up. A codec that cannot even end begins anew: who
    has to log in by a packet of its own does that on its next connection.
    """
    codec = _emptied(codec, fresh)
    events: list[Event] = []
    start = failures = 0
    ends = [*range(1, min(len(data), BYTEWISE) + 1), *([len(data)] if len(data) > BYTEWISE else [])]
    for begin, end in zip([0, *ends], ends, strict=False):
        try:
            found = codec.receive(data[begin:end])
        except Exception:
            found = [failed(codec.name, device, data[start:end])]
            failures += 1
            codec = _emptied(codec, fresh)
        if found:
            events += found
            start = end
        if failures == FAILURES:
            break
    return codec, events if failures else [failed(codec.name, device, data), *events]


def _emptied(codec: Codec, fresh: Callable[[], Codec]) -> Codec:
    """With nothing in its buffers: what they held may be what it fails on."""
    for _ in range(2):  # the first may fail on what it finds there, and has taken it out
        try:
            codec.end()
        except Exception:
            log.debug("the codec of %s cannot end", codec.name, exc_info=True)
        else:
            return codec
    return fresh()
