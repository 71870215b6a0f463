"""The orders of one vehicle in their sequence: when each would be reached, what a change would do, and the change.

A preview names a crew and the whole sequence that it would work: its orders in another one, or one order more. Nothing
is decided by it. It tells of every order that would be reached at another time: those of this crew, those of the
crew that has the new order now, and those still waiting for which this crew would have been the first there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from dispatch.core import crew as rules
from dispatch.core.assignment import CandidateCrew, MatchParameters, Ranked, WaitingOrder, earliest
from dispatch.core.candidates import Exclusion, why_not
from dispatch.core.crew import CrewDuty
from dispatch.core.errors import BadInput, DispatchError, NotFound
from dispatch.core.segments import deadline
from dispatch.core.sequence import Pace, Planned, Stage, Stop, WhyUnknown, planned
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import REORDERED, WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Loaded
from dispatch.services.steps import Draft, write_devices

UNDER_WAY: Mapping[str, Stage] = {"acknowledged": "acknowledged", "en_route": "en_route"}
WAITING_LOOKED_AT = 20
"""Waiting orders that a preview looks at, those with the nearest deadline."""


async def reorder(context: Context, crew: Crew, sequence: Sequence[str], *, by: Actor) -> CrewDuty:
    """Work the orders aboard in this sequence. Raises Conflict where others are aboard by now, GuardRefused where one
    that the crew is under way with would have to wait."""

    def decide(loaded: Loaded, now: datetime) -> Changes[CrewDuty]:
        draft = Draft(context, loaded, now)
        put_in_sequence(draft, crew, sequence, by)
        return draft.changes(draft.roster_of(crew).crew(crew.id))

    return await context.store.transact(decide)


def put_in_sequence(draft: Draft, crew: Crew, sequence: Sequence[str], by: Actor) -> None:
    """The same within a decision; each order whose place changes has a line of it, with who did it."""
    before = draft.roster_of(crew)
    aboard = [s.order_id for s in before.crew(crew.id).stack]
    after = rules.reorder(before, crew.id, sequence, _begun(draft.order(o) for o in aboard))
    if after is before:
        return
    draft.put_roster(after)
    write_devices(draft, crew)
    for place, order_id in enumerate(sequence, 1):
        if aboard[place - 1] != order_id:
            draft.remark(
                order_id, REORDERED, by=by, data={"crew_id": crew.id, "place": place, "of": len(aboard)}
            )


def _begun(orders: Iterable[WorkOrder]) -> frozenset[str]:
    return frozenset(o.id for o in orders if o.state in {"en_route", "on_scene"})


@dataclass(frozen=True, slots=True)
class Reached:
    """When a crew would be at an order. `margin_s`: seconds before its deadline; negative: late."""

    crew_id: str
    at: datetime
    margin_s: float


@dataclass(frozen=True, slots=True)
class Affected:
    """One order, as it is planned now and as it would be. None: nobody would come, or it is not known when."""

    order_id: str
    role: Literal["new", "aboard", "left", "waiting"]
    """The one that is given; aboard this crew; aboard the crew that it is taken from; without a crew."""
    before: Reached | None
    after: Reached | None
    why: WhyUnknown = ""
    """Why `after` cannot be said of an order that somebody works; of one without a crew None means: nobody would come."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which rule stands against it: the stable code of the error, its words and its facts."""

    code: str
    message: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sequence would do. `against`: what a person should know of the crew, though it may be dispatched."""

    crew_id: str
    sequence: tuple[str, ...]
    travel_source: str
    orders: tuple[Affected, ...]
    refused: Refusal | None
    against: Exclusion | None


async def preview(context: Context, crew: Crew, sequence: Sequence[str]) -> Preview:
    """What would follow if this crew worked these orders in this sequence. Raises NotFound, BadInput."""
    look = await _look(context)
    duty = look.duty(crew)
    new = [o for o in sequence if not duty.holds(o)]
    if len(new) > 1 or len(set(sequence)) < len(sequence):
        raise BadInput("name the crew's own orders, each once, and at most one other", field="orders")
    for order_id in sequence:
        if order_id not in look.orders:
            raise NotFound(f"no open order {order_id!r}", order=order_id)
    given = look.orders[new[0]] if new else None
    found = [
        *_of_crew(look, crew, duty, sequence),
        *_of_former(look, given),
        *_of_waiting(look, crew, given, sequence),
    ]
    return Preview(
        crew.id, tuple(sequence), context.travel.source, tuple(found),
        await _refusal(context, crew, given, sequence), _against(look, crew, given),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Look:
    """Everything as it is at one instant."""

    context: Context
    now: datetime
    orders: Mapping[str, WorkOrder]
    duties: Mapping[str, tuple[str, str, CrewDuty]]

    def duty(self, crew: Crew) -> CrewDuty:
        return self.duties[crew.id][2] if crew.id in self.duties else CrewDuty(crew.id)

    def plan(self, crew_id: str, sequence: Sequence[str]) -> tuple[Planned, ...]:
        crew = self.context.directory.crews.get(crew_id)
        fix = self.context.fixes.of_crew(crew) if crew else None
        held = [self.orders[o] for o in sequence if o in self.orders]
        return plan_of(self.context, crew_id, held, fix.point if fix else None, self.now)

    def reached(self, crew_id: str, sequence: Sequence[str]) -> dict[str, Reached]:
        return {
            p.order_id: Reached(crew_id, p.arrival, p.margin_s)
            for p in self.plan(crew_id, sequence)
            if p.arrival is not None and p.margin_s is not None
        }

    def unknown(self, crew_id: str, sequence: Sequence[str]) -> dict[str, WhyUnknown]:
        return {p.order_id: p.why for p in self.plan(crew_id, sequence)}


async def _look(context: Context) -> _Look:
    orders = {o.id: o for o in await context.store.open_orders()}
    duties = {d.crew_id: (r.centre_id, r.trade, d) for r in await context.store.rosters() for d in r.crews}
    return _Look(context, context.clock.now(), orders, duties)


def _of_crew(look: _Look, crew: Crew, duty: CrewDuty, sequence: Sequence[str]) -> list[Affected]:
    before = look.reached(crew.id, [s.order_id for s in duty.stack])
    after, why = look.reached(crew.id, sequence), look.unknown(crew.id, sequence)
    found = []
    for order_id in sequence:
        former, then, unsaid = look.orders[order_id].crew_id, after.get(order_id), why.get(order_id, "")
        if duty.holds(order_id):
            found.append(Affected(order_id, "aboard", before.get(order_id), then, unsaid))
        else:
            was = look.reached(former, _stack(look, former)).get(order_id) if former else None
            found.append(Affected(order_id, "new", was, then, unsaid))
    return found


def _of_former(look: _Look, given: WorkOrder | None) -> list[Affected]:
    if given is None or not given.crew_id:
        return []
    stack = _stack(look, given.crew_id)
    left = [o for o in stack if o != given.id]
    before, after = look.reached(given.crew_id, stack), look.reached(given.crew_id, left)
    why = look.unknown(given.crew_id, left)
    return [Affected(o, "left", before.get(o), after.get(o), why.get(o, "")) for o in left]


def _of_waiting(look: _Look, crew: Crew, given: WorkOrder | None, sequence: Sequence[str]) -> list[Affected]:
    """Those for which this crew would have been the first there; the others lose nothing."""
    waits = [
        o for o in look.orders.values()
        if not o.crew_id and o.facts.place and (o.centre_id, o.trade) == (crew.centre_id, crew.trade) and o is not given
    ]  # fmt: skip
    wanted = sorted((waiting_order(look.context, o) for o in waits), key=lambda w: w.deadline)[
        :WAITING_LOOKED_AT
    ]
    context, now = look.context, look.now
    crews = [candidate(context, c, t, d, look.orders, now) for c, t, d in look.duties.values()]
    before = earliest(wanted, crews, context.travel, now, MatchParameters())
    mine = [w for w in wanted if w.id in before and before[w.id].crew_id == crew.id]
    changed = [_busier(look, c, sequence) if c.id == crew.id else c for c in crews]
    after = earliest(mine, changed, context.travel, now, MatchParameters())
    return [
        Affected(w.id, "waiting", _reached(w, before.get(w.id)), _reached(w, after.get(w.id))) for w in mine
    ]


def _busier(look: _Look, crew: CandidateCrew, sequence: Sequence[str]) -> CandidateCrew:
    last = next((p for o in reversed(sequence) if (p := look.orders[o].facts.place)), None)
    stops = look.plan(crew.id, sequence)
    return replace(crew, orders=len(sequence), free_in_s=stops[-1].free_s if stops else 0.0, last_place=last)


def _reached(order: WaitingOrder, first: Ranked | None) -> Reached | None:
    if first is None:
        return None
    at = datetime.fromisoformat(first.arrival)
    return Reached(first.crew_id, at, (order.deadline - at).total_seconds())


async def _refusal(
    context: Context, crew: Crew, given: WorkOrder | None, sequence: Sequence[str]
) -> Refusal | None:
    """What the rules would say, asked of the rules themselves; nothing of it is kept."""

    def decide(loaded: Loaded, now: datetime) -> Changes[Refusal | None]:
        try:
            roster = loaded.roster(crew.centre_id, crew.trade)
            aboard = [s.order_id for s in roster.crew(crew.id).stack]
            if given is not None:
                roster = rules.stack(roster, crew.id, rules.Stacked(given.id, 0, ""))
            rules.reorder(roster, crew.id, sequence, _begun(loaded.order(o) for o in aboard))
        except DispatchError as error:
            return Changes(Refusal(error.code, error.message, error.facts))
        return Changes(None)

    return await context.store.transact(decide)


def _against(look: _Look, crew: Crew, given: WorkOrder | None) -> Exclusion | None:
    if given is None or crew.id not in look.duties:
        return None
    seen = candidate(look.context, *look.duties[crew.id], look.orders, look.now)
    stale_after_s = MatchParameters().stale_after_s if given.facts.place else None
    return why_not(seen, given.trade, given.centre_id, stale_after_s, look.now)


def _stack(look: _Look, crew_id: str) -> list[str]:
    return [s.order_id for s in look.duties[crew_id][2].stack] if crew_id in look.duties else []


def plan_of(
    context: Context, crew_id: str, held: Sequence[WorkOrder], start: Point | None, now: datetime
) -> tuple[Planned, ...]:
    """These orders worked in this sequence by a crew that is at `start`; those that it does not have yet wait."""
    pace = Pace(turnout_s=context.turnout_s, repair_s=context.repair_s)
    return planned(start, [_stop(context, crew_id, o) for o in held], context.travel, now, pace)


def _stop(context: Context, crew_id: str, order: WorkOrder) -> Stop:
    until = deadline(order, context.processes.of(order))
    mine = order.crew_id == crew_id
    arrived, sent = order.last("arrive"), order.last("dispatch")
    there = mine and arrived is not None and arrived.seq > (sent.seq if sent else 0)
    stage = UNDER_WAY.get(order.state, "waiting") if mine else "waiting"
    return Stop(order.id, order.facts.place, until, stage, arrived.at if arrived and there else None)


def waiting_order(context: Context, order: WorkOrder) -> WaitingOrder:
    """An order with a place, as the matching sees it."""
    if order.facts.place is None:
        raise BadInput(f"order {order.id} has no place on the map", field="place")
    until = deadline(order, context.processes.of(order))
    return WaitingOrder(
        order.id,
        order.facts.place,
        order.trade,
        order.centre_id,
        order.facts.reported_at,
        until,
        order.priority,
    )


def candidate(
    context: Context, centre_id: str, trade: str, duty: CrewDuty, held: Mapping[str, WorkOrder], now: datetime
) -> CandidateCrew:
    """A crew as the matching sees it; `held`: the open orders by id."""
    crew = context.directory.crews.get(duty.crew_id)
    fix = context.fixes.of_crew(crew) if crew else None
    stack = [held[s.order_id] for s in duty.stack if s.order_id in held]
    stops = plan_of(context, duty.crew_id, stack, fix.point if fix else None, now)
    last = next((o.facts.place for o in reversed(stack) if o.facts.place), None)
    return CandidateCrew(
        duty.crew_id, centre_id, trade, fix.point if fix else None,
        now.timestamp() - fix.fix_time if fix else None,
        on_shift=crew is not None and context.on_shift(crew, now),
        away=duty.presence == "away", away_until=duty.away_until, orders=len(duty.stack),
        capacity=duty.capacity, free_in_s=stops[-1].free_s if stops else 0.0, last_place=last,
    )  # fmt: skip
