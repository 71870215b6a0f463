"""What all connections of one gateway share."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dispatch.clock import Clock
from dispatch.messages import Position
from gps_gateway.codec import Fix
from gps_gateway.delivery import Delivery
from gps_gateway.publisher import Publisher
from gps_gateway.store import Store

if TYPE_CHECKING:
    from gps_gateway.connection import Connection


@dataclass(slots=True)
class Counts:
    """Since the start of this gateway."""

    frames: int = 0
    rejected: int = 0
    withheld: int = 0
    refused: int = 0
    replaced: int = 0
    """Connections closed because their device authenticated on a newer one."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Of the rejected, by reason."""


class House(Protocol):
    """The gateway, as a connection sees it."""

    secret: str
    clock: Clock
    counts: Counts
    store: Store
    publisher: Publisher
    delivery: Delivery
    connections: set[Connection]
    online: dict[str, Connection]
    max_connections: int

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run in the background, with a reference held."""
        ...


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
    )
