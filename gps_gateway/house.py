"""What all conversations of one gateway share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Protocol

from dispatch.clock import Clock
from dispatch.messages import Position
from dispatch.messages import Status as StatusEvent
from gps_gateway.arrivals import Arrivals
from gps_gateway.codec import Codec, Fix, Report, Status
from gps_gateway.delivery import Delivery
from gps_gateway.door import Door
from gps_gateway.publisher import Publisher, Stored
from gps_gateway.seen import LONGEST
from gps_gateway.store import Store
from gps_gateway.window import Window

if TYPE_CHECKING:
    from gps_gateway.conversation import Conversation


REASONS = 50
"""Kinds of rejection that are told apart, of one protocol."""


@dataclass(slots=True)
class Counts:
    """Of one protocol, since the start of this gateway."""

    frames: int = 0
    rejected: int = 0
    withheld: int = 0
    refused: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """Of the refused, by reason."""
    replaced: int = 0
    """Connections closed because their device authenticated on a newer one."""
    resent: int = 0
    """Frames that a device sent again."""
    receipts: int = 0
    connections: int = 0
    """Open now; over UDP, addresses that were heard of late."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Of the rejected, by reason."""
    limited: Counter[str] = field(default_factory=Counter)
    """Connections not taken and talk put off, by limit."""
    defects: Counter[str] = field(default_factory=Counter)
    """Accepted all the same, by name; of conversations that have ended."""

    def refuse(self, why: str) -> None:
        """Count one frame that is not taken from whom it comes."""
        self.refused += 1
        self.refusals[why] += 1

    def reject(self, reason: str) -> None:
        """Count one; a protocol with too many reasons has the rest under one name."""
        self.rejected += 1
        self.reasons[reason if reason in self.reasons or len(self.reasons) < REASONS else "other"] += 1


def total(counts: Iterable[Counts]) -> Counts:
    """Of all protocols together."""
    found = Counts()
    for one in counts:
        for each in fields(Counts):
            setattr(found, each.name, getattr(found, each.name) + getattr(one, each.name))
    return found


class Peer(Protocol):
    """Whoever is on a socket or sends datagrams, known or not."""

    last_heard: float
    """Of a monotonic clock."""

    def steer(self) -> None:
        """Read from it only while there is room for what it says."""
        ...

    def close(self, *, abort: bool = False) -> None:
        """Send what is queued, then hang up; `abort`: at once."""
        ...


class Wire(Protocol):
    """What carries a conversation."""

    address: str

    @property
    def open(self) -> bool:
        """Whether an answer can still be sent."""
        ...

    def write(self, frames: list[bytes]) -> None:
        """Send."""
        ...

    def steer(self) -> None:
        """There may be room again, or none."""
        ...

    def close(self, *, abort: bool = False) -> None:
        """Hang up."""
        ...


class Keeper(Protocol):
    """Of the gateway, what keeping what devices said needs."""

    clock: Clock
    publisher: Publisher


class House(Protocol):
    """The gateway, as a conversation sees it."""

    name: str
    secret: str
    clock: Clock
    window: Window
    store: Store
    publisher: Publisher
    delivery: Delivery
    door: Door
    arrivals: Arrivals
    connections: set[Peer]
    addresses: set[Peer]
    """Heard over UDP. Anybody can write a sender's address: they take no place from connections."""
    online: dict[str, Conversation]
    max_connections: int
    quarantine: bool
    """Whether unknown devices are kept on the line, unanswered."""
    frames_per_second: int

    def codec(self, protocol: str) -> Codec:
        """A new one, as strict as the installation wants it."""
        ...

    def counted(self, protocol: str) -> Counts:
        """The counts of one protocol (or of the shared port, for who speaks none)."""
        ...

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run in the background, with a reference held."""
        ...


def unrecognised(house: House, port: str, address: str, first: bytes) -> None:
    """Somebody on a shared port begins like none of the protocols."""
    counts = house.counted(port)
    counts.frames += 1
    counts.reject("unknown protocol")
    heard = (house.clock.now().timestamp(), first[:LONGEST], False)
    house.window.stranger(address, address, "", "unknown protocol", [heard])


def position_of(device: str, fix: Fix, received: float, protocol: str) -> Position:
    """A fix as it is published; one without a time of its own takes that of its arrival."""
    return Position(
        device,
        received if fix.time is None else fix.time,
        received,
        fix.lat,
        fix.lon,
        fix.valid,
        fix.speed_mps,
        fix.course_deg,
        fix.altitude_m,
        protocol,
        fix.attributes,
        fix.device_time,
    )


def status_of(event: Status, received: float, protocol: str) -> StatusEvent:
    """What a device says without a position, as it is published."""
    at = received if event.time is None else event.time
    return StatusEvent(event.device, at, received, protocol, event.attributes)


def keep(house: Keeper, event: Report | Status, protocol: str, stored: Stored) -> bool:
    """Append what a device said; `stored` is called when it is durable. False: no room, and it never will be."""
    now = house.clock.now().timestamp()
    if isinstance(event, Status):
        return house.publisher.event(status_of(event, now, protocol), stored)
    if not house.publisher.reserve(len(event.fixes)):
        return False
    positions = [position_of(event.device, fix, now, protocol) for fix in event.fixes]
    house.publisher.positions(positions, stored)
    return True
