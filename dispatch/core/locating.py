"""Where an order is: given or corrected by a person until somebody has arrived (H).

The place moves nothing else by itself. The promise is the one of the call, or of who decided the responsibility: another area
class needs that step (`route`), which says so. An order that nobody was responsible for is routed by its new place
(services.locating); one that somebody has stays there, whoever's land the place is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.core.errors import BadInput, Conflict, IllegalStep
from dispatch.core.process import Process
from dispatch.core.segments import points
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import LOCATE, WorkOrder, remark


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is said of where an order is: the address that people read, and the place in WGS-84 (None: not known)."""

    address: str
    place: Point | None

    def as_data(self) -> dict[str, Any]:
        """As an event has it."""
        at = self.place
        return {
            "address": self.address, "lat": at.lat if at else None, "lon": at.lon if at else None
        }  # fmt: skip


def whereabouts(order: WorkOrder) -> Whereabouts:
    """As it is known now."""
    return Whereabouts(order.facts.address, order.facts.place)


def locate(
    order: WorkOrder,
    process: Process,
    to: Whereabouts,
    *,
    by: Actor,
    now: datetime,
    seen: Whereabouts | None = None,
    key: str = "",
    devices: Sequence[str] = (),
) -> WorkOrder:
    """The order at its new place; the same value where it is there already, or the key is known.

    `devices`: the terminals that are to show it (core.unconfirmed watches them). `seen`: what who says so had before
    them (None: whatever it was). Raises IllegalStep where somebody has arrived or the order has ended, Conflict where
    somebody else was first, BadInput without a place or an address.
    """
    if order.has_key(key):
        return order
    check_locatable(order, process)
    if to.place is None or not to.address.strip():
        raise BadInput(
            "a place on the map and an address are needed", field="lat" if to.address else "address"
        )
    here = whereabouts(order)
    if to == here:
        return order
    if seen is not None and seen != here:
        raise Conflict(f"the place of order {order.id} was changed meanwhile", **_who_was_first(order))
    data = {**to.as_data(), "was": here.as_data(), **({"devices": list(devices)} if devices else {})}
    return remark(order, process, LOCATE, by=by, now=now, data=data, key=key)


def check_locatable(order: WorkOrder, process: Process) -> None:
    """Raises IllegalStep where somebody has arrived, or the order has ended. A crew that arrived and handed the order
    back is not there any more."""
    if order.state in process.final:
        raise IllegalStep(
            f"order {order.id} is {order.state}: a place comes too late",
            order=order.id, state=order.state, step=LOCATE, why="ended",
        )  # fmt: skip
    if (arrived := points(order, process).get("H")) is not None:
        raise IllegalStep(
            f"order {order.id}: the crew arrived at {arrived.isoformat()}, the place stands",
            order=order.id, state=order.state, step=LOCATE, why="arrived", at=arrived.isoformat(),
        )  # fmt: skip


def _who_was_first(order: WorkOrder) -> Mapping[str, Any]:
    facts: dict[str, Any] = {"why": "decided", "order": order.id, "state": order.state, "step": LOCATE}
    if (last := order.last(LOCATE)) is not None:
        facts |= {"by": str(last.by), "at": last.at.isoformat(), "address": order.facts.address}
    return facts
