"""What a crew does, from its terminal or its phone: acknowledge, depart, arrive, restore, record; away and back.

Both ways lead here. The first acknowledgement wins; the same one again is harmless, another one is told who was
first. Device times are placed by the core between the events around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatch.core import crew as rules
from dispatch.core.errors import Conflict, GuardRefused, IllegalStep
from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.types import Actor
from dispatch.core.unconfirmed import RECALL_UNRECEIPTED, Silence, tell_dispatchers
from dispatch.core.work_order import NOTHING, WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Loaded
from dispatch.services.steps import Draft

STEPS = ("acknowledge", "reject", "depart", "arrive", "restore", "record")


async def step(
    context: Context,
    order_id: str,
    name: str,
    *,
    crew: Crew,
    by: Actor | None = None,
    at: datetime | None = None,
    data: Mapping[str, Any] = NOTHING,
    key: str = "",
    generation: int | None = None,
    edition: int | None = None,
) -> WorkOrder:
    """One of STEPS by this crew. `generation` says which dispatch the button belonged to (None: the present one);
    `edition`, what the order said then (None: whatever), where the step holds for no other place.

    Raises Conflict when the step was taken already or the order is no longer this crew's, or elsewhere.
    """
    who = by or Actor("crew", crew.id)

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        if before.has_key(key):
            return Changes(before)
        still_mine(before, crew, generation)
        if edition not in {None, len(before.editions)}:
            raise Conflict(f"order {order_id} is elsewhere by now", order=order_id, why="decided")
        facts = {**data, "crew_id": crew.id}
        if generation is not None:
            facts["generation"] = generation
        try:
            order = draft.take(order_id, name, by=who, at=at, data=facts, key=key)
        except IllegalStep as error:
            raise _already(before, name) or error from None
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


def still_mine(order: WorkOrder, crew: Crew, generation: int | None) -> None:
    """Raises Conflict where the order is with another crew, or of another dispatch (None: any)."""
    if order.crew_id != crew.id or generation not in {None, order.generation}:
        raise Conflict(
            f"order {order.id} is no longer with {crew.name}",
            order=order.id,
            state=order.state,
            why="not_yours",
        )


def _already(order: WorkOrder, name: str) -> Conflict | None:
    """The same step taken earlier in this attempt: say by whom and when."""
    done = order.last(name)
    if done is None or (dispatched := order.last("dispatch")) is None or done.seq < dispatched.seq:
        return None
    return Conflict(
        f"order {order.id}: {name} was done at {done.at.isoformat()} by {done.data.get('via', str(done.by))}",
        order=order.id, state=order.state, why="already", step=name, at=done.at.isoformat(), by=str(done.by),
    )  # fmt: skip


async def receipt(
    context: Context,
    order_id: str,
    *,
    crew: Crew,
    by: Actor,
    at: datetime,
    generation: int,
    edition: int = 0,
    link: str = "",
    via: str = "",
) -> WorkOrder:
    """A machine says that the order has reached it (E). Later receipts are remarks: of other devices, and of what the
    order says since it was changed (`edition`, where the machine names one)."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        key = f"receipt/{by.id}/{edition or generation}"
        if order.crew_id != crew.id or order.generation != generation:
            order = draft.remark(
                order_id, "late_receipt", by=by, at=at, key=key, data={"generation": generation}
            )
            return draft.changes(order)
        data: dict[str, Any] = {"crew_id": crew.id, "generation": generation, "via": via}
        data |= {"link": link} if link else {}
        data |= {"edition": edition} if edition else {}
        data |= {"corrected": True} if order.is_corrected(edition) else {}
        process = draft.process(order)
        if (order.state, "receipt") in process.transitions:
            order = draft.take(order_id, "receipt", by=by, at=at, data=data, key=key)
        else:
            order = draft.remark(order_id, "also_received", by=by, at=at, data=data, key=key)
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


async def unreceipted(
    context: Context, order_id: str, *, crew: Crew, device: str, at: datetime, edition: int, what: str
) -> WorkOrder:
    """A terminal that is connected does not confirm a version of an order (`unreceipted`) or its recall
    (`recall_unreceipted`): its dispatchers are told (core.unconfirmed)."""

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        before = draft.order(order_id)
        if what == RECALL_UNRECEIPTED and device not in before.removing:
            return draft.changes(before)  # a text that another one replaces: no recall is held back
        silence = Silence(what, device, edition, crew.id, crew.centre_id, at)
        by = Actor("device", device)
        order, following = tell_dispatchers(before, draft.process(before), silence, by=by, at=at, now=now)
        if order is not before:
            draft.put(order)
        draft.outgoing.extend(following)
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


async def removed(context: Context, order_id: str, *, device: str, at: datetime, edition: int) -> WorkOrder:
    """A terminal confirms that a version of a recalled order is gone from it.

    Where the dispatch was there in several texts, one that is gone says nothing of the others: that none is left the
    terminal says with its whole state (tracking._settled).
    """

    def decide(loaded: Loaded, now: datetime) -> Changes[WorkOrder]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        several = order.is_corrected(edition) or order.is_corrected(edition + 1)
        if device in order.removing and not several:
            order = draft.remark(
                order_id, "removed", by=Actor("device", device), at=at, data={"device": device}
            )
        return draft.changes(order)

    return await context.store.transact(decide, order_id)


async def go_away(
    context: Context, crew: Crew, *, until: datetime, reason: str, ask: bool = False
) -> rules.CrewDuty:
    """The crew cannot leave until then; refused where cover would be lost, saying when it would be possible.

    `ask`: where cover would be lost, the crew stays at hand and its centre is asked (`answer_away`).
    """

    def decide(loaded: Loaded, now: datetime) -> Changes[rules.CrewDuty]:
        draft = Draft(context, loaded, now)
        roster = draft.roster_of(crew)
        on_shift = context.crews_on_shift(roster, now)
        try:
            roster = rules.go_away(roster, crew.id, until=until, reason=reason, now=now, on_shift=on_shift)
        except GuardRefused as refused:
            if not ask or refused.facts["why"] not in {"max_away", "min_cover"}:
                raise
            roster = rules.ask_away(roster, crew.id, until=until, reason=reason, now=now)
            facts = {"crew_id": crew.id, "until": until.isoformat(), "text": reason}
            draft.outgoing.append(_about_away(roster, crew, "away_asked", "dispatcher", now, **facts))
        draft.put_roster(roster)
        return draft.changes(roster.crew(crew.id))

    return await context.store.transact(decide)


async def answer_away(context: Context, crew: Crew, *, granted: bool, by: Actor) -> rules.CrewDuty:
    """What the centre says to a crew that asked to be away; the crew is told. Raises Conflict where it asks no more."""

    def decide(loaded: Loaded, now: datetime) -> Changes[rules.CrewDuty]:
        draft = Draft(context, loaded, now)
        asked = draft.roster_of(crew).crew(crew.id)
        roster = rules.answered(draft.roster_of(crew), crew.id)
        if granted and asked.asked_until is not None:
            roster = rules.go_away(
                roster, crew.id, until=asked.asked_until, reason=asked.asked_reason, now=now,
                on_shift=frozenset(), granted=True,
            )  # fmt: skip
        draft.put_roster(roster)
        code = "away_granted" if granted else "away_refused"
        draft.outgoing.append(_about_away(roster, crew, code, "crew", now, crew_id=crew.id, by=str(by)))
        return draft.changes(roster.crew(crew.id))

    return await context.store.transact(decide)


def _about_away(
    roster: rules.Roster, crew: Crew, code: str, role: str, now: datetime, **facts: Any
) -> Outgoing:
    key = f"{code}/{crew.id}/{roster.version}"
    return alert(key=key, role=role, code=code, due=now, centre_id=crew.centre_id, **facts)


async def standby(context: Context, crew: Crew) -> rules.CrewDuty:
    """The crew says that it is back."""

    def decide(loaded: Loaded, now: datetime) -> Changes[rules.CrewDuty]:
        draft = Draft(context, loaded, now)
        draft.put_roster(rules.return_to_standby(draft.roster_of(crew), crew.id))
        return draft.changes(draft.roster_of(crew).crew(crew.id))

    return await context.store.transact(decide)
