"""What a repair centre does: accept, return, dispatch to a crew, recall, reassign; and what the automatic does.

Automatic dispatch matches every waiting order of every centre in one batch, every few seconds and on events. Until
D nothing is promised to a crew, so a better pairing may come with the next batch; after F only a person moves it.

`at_centre` (empty: any) is the centre of who acts: an order that has been routed elsewhere by the time of the
decision is refused there, whatever was seen before. `seen` (None: whatever) is the dispatch of the order that who
acts had before them: where another one has been made, somebody else was first, and Conflict says who, what and when.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.core.assignment import (
    CandidateCrew,
    Exclusion,
    Matching,
    MatchParameters,
    Ranked,
    match,
    rank,
)
from dispatch.core.candidates import Able, by_load
from dispatch.core.errors import Conflict, DispatchError, GuardRefused
from dispatch.core.process import Process
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import WorkOrder, last_move
from dispatch.services.context import Context
from dispatch.services.people import still_at
from dispatch.services.ports import Changes, Decision, Loaded
from dispatch.services.stacks import candidate, put_in_sequence, waiting_order
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
NO_FACTS: Mapping[str, Any] = {}


async def accept(
    context: Context, order_id: str, *, by: Actor, key: str = "", at_centre: str = ""
) -> WorkOrder:
    """A person at the centre takes the order in hand: the hotline's watch ends."""
    return await _step(context, order_id, "accept", by=by, key=key, at_centre=at_centre)


async def return_order(
    context: Context, order_id: str, *, reason: str, by: Actor, key: str = "", at_centre: str = ""
) -> WorkOrder:
    """Not ours: back to the hotline at once, with the reason."""
    data = {"reason": reason}
    return await _step(context, order_id, "return", by=by, key=key, at_centre=at_centre, data=data)


async def recall(
    context: Context,
    order_id: str,
    *,
    reason: str,
    by: Actor,
    key: str = "",
    at_centre: str = "",
    seen: int | None = None,
) -> WorkOrder:
    """Take the order back from its crew; `removing` names the terminals that have not confirmed it yet."""
    data = {"reason": reason}
    return await _step(context, order_id, "recall", by=by, key=key, at_centre=at_centre, data=data, seen=seen)


async def dispatch(
    context: Context,
    order_id: str,
    *,
    crew_id: str,
    by: Actor,
    key: str = "",
    at_centre: str = "",
    explanation: Mapping[str, Any] = NO_FACTS,
    place: int | None = None,
    seen: int | None = None,
) -> WorkOrder:
    """Send the order to a crew and its vehicle (D); `place`: from 1, in the crew's sequence (None: last)."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        still_at(before, at_centre)
        if before.has_key(key):
            return Changes(before)
        _nobody_was_first(draft, before, "dispatch", by, seen)
        _dispatch(draft, order_id, crew_id, by, key, explanation)
        return draft.changes(_placed(draft, order_id, place, by))

    return await context.store.transact(decide, order_id)


async def reassign(
    context: Context,
    order_id: str,
    *,
    crew_id: str,
    reason: str,
    by: Actor,
    key: str = "",
    at_centre: str = "",
    place: int | None = None,
    seen: int | None = None,
) -> WorkOrder:
    """Recall and dispatch to another crew, in one decision."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        still_at(before, at_centre)
        if before.has_key(key):
            return Changes(before)
        _nobody_was_first(draft, before, "recall", by, seen)
        if before.crew_id == crew_id:
            raise GuardRefused(f"order {order_id} is with {crew_id} already", guard="reassign")
        draft.take(order_id, "recall", by=by, data={"reason": reason, "to_crew": crew_id})
        _dispatch(draft, order_id, crew_id, by, key, NO_FACTS)
        return draft.changes(_placed(draft, order_id, place, by))

    return await context.store.transact(decide, order_id)


def _nobody_was_first(draft: Draft, order: WorkOrder, step: str, by: Actor, seen: int | None) -> None:
    """Raises Conflict where the order has moved on, under a person's hands, from what this person had before them."""
    possible = (order.state, step) in draft.process(order).transitions
    if by.role != "dispatcher" or (possible and seen in {None, order.generation}):
        return
    if (last := last_move(order, draft.process(order))) is not None:
        raise Conflict(
            f"order {order.id} is {order.state}: {last.kind} by {last.by} at {last.at.isoformat()}",
            why="decided", order=order.id, state=order.state, step=last.kind, by=str(last.by),
            at=last.at.isoformat(), crew_id=str(last.data.get("crew_id", "")),
        )  # fmt: skip


def _placed(draft: Draft, order_id: str, place: int | None, by: Actor) -> WorkOrder:
    crew = draft.crew(draft.order(order_id).crew_id)
    aboard = [s.order_id for s in draft.roster_of(crew).crew(crew.id).stack]
    if place is not None:
        others = [o for o in aboard if o != order_id]
        put_in_sequence(draft, crew, [*others[: place - 1], order_id, *others[place - 1 :]], by)
    return draft.order(order_id)


def _dispatch(
    draft: Draft, order_id: str, crew_id: str, by: Actor, key: str, explanation: Mapping[str, Any]
) -> None:
    before = draft.order(order_id)
    crew = draft.crew(crew_id)
    if crew.centre_id != before.centre_id:
        raise GuardRefused(f"{crew_id} belongs to another centre", guard="crew_can_take", why="other_centre")
    if by.role == "system" and not draft.context.on_shift(crew, draft.now):
        raise GuardRefused(f"{crew_id} is off shift", guard="crew_can_take", why="off_shift")
    order = draft.take(order_id, "dispatch", by=by, data={"crew_id": crew_id}, key=key)
    draft.decisions.append(
        Decision(order.id, order.generation, draft.now, crew_id, str(by), dict(explanation))
    )


async def _step(
    context: Context,
    order_id: str,
    step: str,
    *,
    by: Actor,
    key: str,
    at_centre: str,
    data: Mapping[str, Any] = NO_FACTS,
    seen: int | None = None,
) -> WorkOrder:
    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        still_at(before, at_centre)
        if not before.has_key(key):
            _nobody_was_first(draft, before, step, by, seen)
        order = draft.take(order_id, step, by=by, data=data, key=key)
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


async def centre_received(
    context: Context, order_id: str, *, centre_id: str, send: int, tries: int = 1
) -> None:
    """The centre's inbox has the order (C). A receipt of an earlier send, or a second one, changes nothing.

    `tries`: how often it was handed over until it arrived, which is the evidence of the network's minutes.
    """

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        process = draft.process(order)
        expected = order.centre_id == centre_id and order.sends == send
        if expected and (order.state, "centre_receipt") in process.transitions:
            link = "up" if tries == 1 else f"down, {tries} tries"
            data = {"link": link, "centre_id": centre_id}
            draft.take(order_id, "centre_receipt", by=SYSTEM, data=data, key=f"centre/{send}/{centre_id}")
        return draft.changes(None)

    await context.store.transact(decide, order_id)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every crew for one order: the best first, and the others with the reason why not. `able`, in place of `ranked`: those
    for an order without a place, of which no arrival can be said."""

    order_id: str
    travel_source: str
    ranked: tuple[Ranked, ...]
    excluded: tuple[Exclusion, ...]
    able: tuple[Able, ...] = ()


async def candidates(context: Context, order_id: str) -> Candidates:
    """Rank the crews of the order's centre and trade for a dispatcher to choose from."""

    def load(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        return Changes(loaded.order(order_id))

    order = await context.store.transact(load)
    crews = [
        c for c in await candidate_crews(context) if (c.centre_id, c.trade) == (order.centre_id, order.trade)
    ]
    now = context.clock.now()
    if order.facts.place is None:
        able, excluded = by_load(crews, order.trade, order.centre_id, now)
        return Candidates(order_id, context.travel.source, (), excluded, able)
    ranking = rank(waiting_order(context, order), crews, context.travel, now, _parameters(context))
    return Candidates(order_id, ranking.source, ranking.ranked, ranking.excluded)


async def match_waiting(context: Context) -> int:
    """One batch of automatic dispatch; how many orders were dispatched."""
    if context.policy == "manual":
        return 0
    rows = [row for one in context.processes.by_id.values() for row in one.transitions.values()]
    states = {row.state for row in rows if row.step == "dispatch" and "system" in row.by}
    waiting = [o for o in await context.store.open_orders(sorted(states)) if o.facts.place is not None]
    waiting = [o for o in waiting if not (o.follows or _needs_a_person(o))]
    if not waiting:
        return 0
    crews = await candidate_crews(context)
    now = context.clock.now()
    dispatched = 0
    for refused, orders in _by_refusals(context, waiting).items():
        able = [c for c in crews if c.id not in refused]
        wanted = [waiting_order(context, o) for o in orders]
        found = match(wanted, able, context.travel, now, _parameters(context))
        taken = await _dispatch_choices(context, found)
        crews = [c for c in crews if c.id not in taken]
        dispatched += len(taken)
    return dispatched


OF_ONE_CALL = {"duplicate", "customer_withdrew"}
"""Reasons that lie in one call, not in the fault or its place."""
FOR_A_PERSON = {*OF_ONE_CALL, "misrouted", "wrong_trade", "wrong_territory"}
"""Why somebody took an order back that no other crew of this centre should go to, as far as that reason goes."""


def _needs_a_person(order: WorkOrder) -> bool:
    """Whether it was recalled for such a reason, and nobody has dispatched, routed or sent it since: a person does, returns
    it, or has it cancelled. What is so of the one call that led its incident is not so of this one."""
    decided = {"dispatch", "recall", "route", "send"}
    last = next((e for e in reversed(order.history) if e.kind in decided), None)
    if last is None or last.kind != "recall":
        return False
    return last.data.get("reason") in (FOR_A_PERSON - OF_ONE_CALL if "lead" in last.data else FOR_A_PERSON)


def _by_refusals(context: Context, waiting: Sequence[WorkOrder]) -> dict[frozenset[str], list[WorkOrder]]:
    """Orders by the crews that rejected them or from which they were recalled: the automatic asks those no more."""
    groups: dict[frozenset[str], list[WorkOrder]] = {}
    for order in waiting:
        groups.setdefault(_had_and_lost(order, context.processes.of(order)), []).append(order)
    return dict(sorted(groups.items(), key=lambda item: -len(item[0])))


def _had_and_lost(order: WorkOrder, process: Process) -> frozenset[str]:
    withdrawing = {row.step for row in process.transitions.values() if row.withdraws == "dispatch"}
    lost: set[str] = set()
    crew_id = ""
    for event in order.history:
        if event.kind == "dispatch":
            crew_id = event.data["crew_id"]
        elif event.kind in withdrawing:
            lost.add(crew_id)
    return frozenset(lost)


async def _dispatch_choices(context: Context, found: Matching) -> set[str]:
    """Commit each choice; one that has become impossible meanwhile waits for the next batch."""
    taken: set[str] = set()
    for choice in found.choices:
        try:
            await dispatch(
                context, choice.order_id, crew_id=choice.crew_id, by=SYSTEM,
                explanation=choice.explanation.as_json(),
            )  # fmt: skip
            taken.add(choice.crew_id)
        except DispatchError as error:
            log.info("choice not carried out: %s", error)
        except Exception:  # one order must not hold the others up
            log.exception("choice not carried out: %s", choice.order_id)
    return taken


def _parameters(context: Context) -> MatchParameters:
    policy = context.policy
    return MatchParameters(policy=policy if policy in {"nearest", "mean", "risk"} else "risk")  # type: ignore[arg-type]


async def candidate_crews(context: Context) -> list[CandidateCrew]:
    """Every crew as the matching sees it now."""
    now = context.clock.now()
    held = {o.id: o for o in await context.store.open_orders() if o.crew_id}
    duties = [(r.centre_id, r.trade, duty) for r in await context.store.rosters() for duty in r.crews]
    return [candidate(context, c, t, duty, held, now) for c, t, duty in duties]
