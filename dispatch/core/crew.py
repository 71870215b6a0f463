"""A centre's crews of one trade: who is here, who is away, and which orders each vehicle holds.

The roster is one aggregate, because its rules bind crews to each other: crews of a trade may not all be away at
once (`max_away`, `min_cover`), and a vehicle holds at most `capacity` orders, worked in sequence. What should be
on a crew's devices (desired state, D4) is its stack, with a revision that grows with every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from dispatch.core.errors import BadInput, Conflict, GuardRefused, NotFound

Presence = Literal["standby", "away"]


@dataclass(frozen=True, slots=True)
class Stacked:
    """One order aboard: its id, its version there (`WorkOrder.editions`), what a person reads, and who accepted."""

    order_id: str
    version: int
    text: str
    acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class CrewDuty:
    """One crew as the centre holds it. `revision` counts the changes of its stack."""

    crew_id: str
    presence: Presence = "standby"
    away_since: datetime | None = None
    away_until: datetime | None = None
    away_reason: str = ""
    reminded: bool = False
    asked_at: datetime | None = None
    """Since when it waits for the centre's answer whether it may go although cover would be lost."""
    asked_until: datetime | None = None
    asked_reason: str = ""
    stack: tuple[Stacked, ...] = ()
    capacity: int = 3
    revision: int = 0

    def holds(self, order_id: str) -> bool:
        """Whether the order is aboard."""
        return any(s.order_id == order_id for s in self.stack)


@dataclass(frozen=True, slots=True)
class Roster:
    """The crews of one trade in one centre. `version` is what optimistic writers compare."""

    centre_id: str
    trade: str
    crews: tuple[CrewDuty, ...] = ()
    max_away: int = 1
    min_cover: int = 1
    version: int = 0

    def crew(self, crew_id: str) -> CrewDuty:
        """The crew, or NotFound."""
        for duty in self.crews:
            if duty.crew_id == crew_id:
                return duty
        raise NotFound(f"no crew {crew_id!r} among {self.trade} of {self.centre_id}", crew=crew_id)

    def replaced(self, changed: CrewDuty) -> Roster:
        """The roster with one crew as it is now."""
        self.crew(changed.crew_id)
        return replace(self, crews=tuple(changed if c.crew_id == changed.crew_id else c for c in self.crews))


def go_away(
    roster: Roster,
    crew_id: str,
    *,
    until: datetime,
    reason: str,
    now: datetime,
    on_shift: frozenset[str],
    granted: bool = False,
) -> Roster:
    """The crew is skipped until it returns. Refused while it holds an order or cover would be lost.

    `on_shift` names the crews of this roster whose shift it is; the refusal says when it would be possible.
    `granted`: a person at the centre has taken it upon himself that cover is lost.
    """
    duty = _can_leave(roster, crew_id, until, now)
    if not granted:
        _cover_stays(roster, crew_id, on_shift)
    return roster.replaced(
        replace(_at_hand(duty), presence="away", away_since=now, away_until=until, away_reason=reason)
    )


def ask_away(roster: Roster, crew_id: str, *, until: datetime, reason: str, now: datetime) -> Roster:
    """The crew asks the centre to let it go although cover would be lost; it stays at hand until it is told."""
    duty = _can_leave(roster, crew_id, until, now)
    return roster.replaced(replace(duty, asked_at=now, asked_until=until, asked_reason=reason))


def answered(roster: Roster, crew_id: str) -> Roster:
    """The centre has said no. Refused where nothing was asked (any more)."""
    duty = roster.crew(crew_id)
    if duty.asked_at is None:
        raise Conflict(f"{crew_id} does not ask to be away any more", why="not_asked", crew=crew_id)
    return roster.replaced(replace(duty, asked_at=None, asked_until=None, asked_reason=""))


def _at_hand(duty: CrewDuty) -> CrewDuty:
    return replace(
        duty, presence="standby", away_since=None, away_until=None, away_reason="", reminded=False,
        asked_at=None, asked_until=None, asked_reason="",
    )  # fmt: skip


def _can_leave(roster: Roster, crew_id: str, until: datetime, now: datetime) -> CrewDuty:
    duty = roster.crew(crew_id)
    if until <= now:
        raise BadInput(f"away until {until:%H:%M} is in the past", field="until")
    if duty.stack:
        raise GuardRefused(
            f"{crew_id} still holds {len(duty.stack)} order(s): finish them first",
            guard="away",
            why="holds_orders",
        )
    return duty


def _cover_stays(roster: Roster, crew_id: str, on_shift: frozenset[str]) -> None:
    others = [c for c in roster.crews if c.crew_id != crew_id]
    away = [c for c in others if c.presence == "away"]
    ends = [c.away_until for c in away if c.away_until]
    when = f"; possible from {min(ends):%H:%M} UTC" if ends else ""
    possible_from = min(ends).isoformat() if ends else ""
    if len(away) >= roster.max_away:
        raise GuardRefused(
            f"{', '.join(c.crew_id for c in away)} is away already (at most {roster.max_away} at once){when}",
            guard="away",
            why="max_away",
            possible_from=possible_from,
        )
    left = [c for c in others if c.presence == "standby" and c.crew_id in on_shift]
    if len(left) < roster.min_cover:
        raise GuardRefused(
            f"only {len(left)} other crew(s) of this trade would stay, {roster.min_cover} needed{when}",
            guard="away",
            why="min_cover",
            possible_from=possible_from,
        )


def return_to_standby(roster: Roster, crew_id: str) -> Roster:
    """The crew says that it is back."""
    return roster.replaced(_at_hand(roster.crew(crew_id)))


def due_reminders(roster: Roster, now: datetime) -> tuple[Roster, tuple[str, ...]]:
    """The crews whose announced end has passed, each reminded once."""
    late = tuple(
        c
        for c in roster.crews
        if c.presence == "away" and not c.reminded and c.away_until and c.away_until <= now
    )
    for duty in late:
        roster = roster.replaced(replace(duty, reminded=True))
    return roster, tuple(c.crew_id for c in late)


def stack(roster: Roster, crew_id: str, order: Stacked) -> Roster:
    """Put an order last on the crew's vehicle. Refused when it is away, full, or has it already."""
    duty = roster.crew(crew_id)
    if duty.presence == "away":
        raise GuardRefused(f"{crew_id} is away", guard="crew_can_take", why="away")
    if len(duty.stack) >= duty.capacity:
        raise GuardRefused(
            f"{crew_id} holds {len(duty.stack)} of {duty.capacity} orders", guard="crew_can_take", why="full"
        )
    if duty.holds(order.order_id):
        raise GuardRefused(f"{crew_id} has {order.order_id} already", guard="crew_can_take", why="has_it")
    return roster.replaced(replace(duty, stack=(*duty.stack, order), revision=duty.revision + 1))


def unstack(roster: Roster, crew_id: str, order_id: str) -> tuple[Roster, str]:
    """Take an order off; also the id of the order that has become first by that (or nothing)."""
    duty = roster.crew(crew_id)
    if not duty.holds(order_id):
        return roster, ""
    left = tuple(s for s in duty.stack if s.order_id != order_id)
    was_first = duty.stack[0].order_id == order_id
    freed = left[0].order_id if was_first and left else ""
    return roster.replaced(replace(duty, stack=left, revision=duty.revision + 1)), freed


def reorder(roster: Roster, crew_id: str, sequence: Sequence[str], under_way: frozenset[str]) -> Roster:
    """The crew's orders in another sequence; they reach its devices as a new revision.

    Orders that the crew drives to or works at (`under_way`) stay first, in their order. Raises Conflict where the
    stack holds other orders by now.
    """
    duty = roster.crew(crew_id)
    aboard = {s.order_id: s for s in duty.stack}
    if sorted(sequence) != sorted(aboard):
        raise Conflict(f"the orders of {crew_id} have changed meanwhile", why="stack_changed", crew=crew_id)
    first = [s.order_id for s in duty.stack if s.order_id in under_way]
    if list(sequence[: len(first)]) != first:
        raise GuardRefused(
            f"{crew_id} is under way with {', '.join(first)}: recall it first",
            guard="reorder",
            why="under_way",
        )
    if list(sequence) == list(aboard):
        return roster
    stack = tuple(aboard[order_id] for order_id in sequence)
    return roster.replaced(replace(duty, stack=stack, revision=duty.revision + 1))


def rewrite(roster: Roster, crew_id: str, order: Stacked) -> Roster:
    """The order aboard with another version and text, in its place; who accepted it stays."""
    duty = roster.crew(crew_id)
    aboard = tuple(
        replace(order, acknowledged=s.acknowledged) if s.order_id == order.order_id else s for s in duty.stack
    )
    return roster.replaced(replace(duty, stack=aboard, revision=duty.revision + 1))


def show_acknowledged(roster: Roster, crew_id: str, order_id: str) -> Roster:
    """The order aboard is marked as accepted, so that the other devices of the crew show it."""
    duty = roster.crew(crew_id)
    aboard = tuple(replace(s, acknowledged=True) if s.order_id == order_id else s for s in duty.stack)
    return roster.replaced(replace(duty, stack=aboard, revision=duty.revision + 1))
