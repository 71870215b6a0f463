"""What follows from a decision, committed with it and carried out afterwards: the outbox's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from dispatch.core.chains import CHANNELS, Rung

if TYPE_CHECKING:
    from dispatch.core.work_order import WorkOrder

Kind = Literal["centre", "desired", "alert", "message", "phone", "cut"]
"""`centre`: deliver an order to its repair centre. `desired`: write a device's desired state. `alert`: tell a
role. `message`: carry an alert to one channel of one recipient. `phone`: ring a number. `cut`: hang up calls about an order that was acknowledged meanwhile."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One effect. `key` makes it happen once however often it is decided; `target` says to whom."""

    key: str
    kind: Kind
    target: str
    due: datetime
    order_id: str = ""
    centre_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def alert(
    *, key: str, role: str, code: str, due: datetime, order_id: str = "", centre_id: str = "", **facts: Any
) -> Outgoing:
    """Tell everyone of a role (of one centre, where it has one). `code` is translated by whoever shows it."""
    return Outgoing(f"alert/{key}/{role}", "alert", role, due, order_id, centre_id, {"code": code, **facts})


def told(
    order: WorkOrder,
    whom: Rung,
    /,
    *,
    key: str,
    code: str,
    now: datetime,
    silent: bool,
    roles: tuple[str, ...] | None = None,
    **facts: Any,
) -> tuple[Outgoing, ...]:
    """All that a rung (`whom`) says about an order: its alerts (of `roles`, if given), and its call unless it is `silent`."""
    by = {} if whom.channels == CHANNELS else {"channels": list(whom.channels)}
    follow = [
        alert(
            key=key, role=role, code=code, due=now, order_id=order.id, centre_id=order.centre_id,
            crew_id=order.crew_id, **by, **facts,
        )
        for role in dict.fromkeys(whom.alert if roles is None else roles)
    ]  # fmt: skip
    if whom.phone and not silent:
        call = {
            "crew_id": order.crew_id,
            "dispatch": order.generation,
            "keypress": whom.keypress,
            "of": whom.of,
            "trade": order.trade,
            **facts,
        }
        follow.append(Outgoing(f"phone/{key}", "phone", whom.phone, now, order.id, order.centre_id, call))
    return tuple(follow)
