"""Too few crews: noticed on each order that waits, reported where it is too often, followed up to an end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from dispatch.core import shortage as rules
from dispatch.core.crew import Roster
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.segments import timeline
from dispatch.core.shortage import NO_FREE_CREW, Occasion, Report, Rule, Scope
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import WorkOrder
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Leader, Loaded
from dispatch.services.steps import Draft

log = logging.getLogger(__name__)
AT_ONCE = 100
"""Orders that one transaction writes a remark on."""


class Shortages(Protocol):
    """Reports and what they count."""

    async def occasions(self, since: datetime) -> Sequence[Occasion]:
        """Every occasion after `since`."""
        ...

    async def reports(self, *, closed: bool = True) -> Sequence[Report]:
        """All reports, the newest first; without `closed` only those that are not at their end."""
        ...

    async def save(self, report: Report, outgoing: Sequence[Outgoing] = ()) -> Report:
        """Keep a new report, or the next version of one. Raises Conflict where somebody was first."""
        ...


async def observe(context: Context, rule: Rule) -> int:
    """Note on every order that has waited long enough which scopes have nobody for it; how many were noted.

    Most passes find nothing new and write nothing.
    """
    process = context.processes.by_id[context.processes.current]
    states = sorted({r.state for r in process.transitions.values() if r.step == "dispatch"})
    now = context.clock.now()
    lacking = {(r.centre_id, r.trade): _lacking(context, r, now) for r in await context.store.rosters()}
    new = [
        order.id
        for order in await context.store.open_orders(states)
        if not order.follows
        and (found := lacking.get((order.centre_id, order.trade)))
        and _unnoted(order, found[0])
        and _waited(context, order, now) >= rule.waited
    ]
    return sum(
        [
            await context.store.transact(_noting(context, new[i : i + AT_ONCE]))
            for i in range(0, len(new), AT_ONCE)
        ]
    )


def _waited(context: Context, order: WorkOrder, now: datetime) -> timedelta:
    return now - timeline(order, context.processes.of(order), now).intervals[-1].start


def _lacking(context: Context, roster: Roster, now: datetime) -> tuple[tuple[Scope, ...], dict[str, int]]:
    crews = context.directory.crews
    departments = {d.crew_id: crews[d.crew_id].department_id for d in roster.crews if d.crew_id in crews}
    return rules.lacking(roster, departments, context.crews_on_shift(roster, now))


def _unnoted(order: WorkOrder, scopes: Sequence[Scope]) -> list[tuple[str, Scope]]:
    """Scopes that this attempt of the order has no remark about yet, and the remark's key."""
    noted = {event.key for event in order.history if event.kind == NO_FREE_CREW}
    keys = ((f"{NO_FREE_CREW}/{order.sends}/{order.generation}/{scope.key}", scope) for scope in scopes)
    return [(key, scope) for key, scope in keys if key not in noted]


def _noting(context: Context, order_ids: Sequence[str]) -> Callable[[Loaded, datetime], Changes[int]]:
    def decide(loaded: Loaded, now: datetime) -> Changes[int]:
        loaded.fetch(order_ids)
        draft = Draft(context, loaded, now)
        noted = 0
        for order_id in order_ids:
            try:
                noted += _note(draft, order_id)
            except Exception:  # the next pass tries it again
                log.exception("%s: not noted that it waits", order_id)
        return draft.changes(noted)

    return decide


def _note(draft: Draft, order_id: str) -> int:
    order = draft.order(order_id)
    if (order.state, "dispatch") not in draft.process(order).transitions:
        return 0
    roster = draft.loaded.roster(order.centre_id, order.trade)
    scopes, facts = _lacking(draft.context, roster, draft.now)
    for key, scope in _unnoted(order, scopes):
        draft.remark(order_id, NO_FREE_CREW, data={"scope": scope.key, **facts}, key=key)
    return draft.order(order_id).version - order.version


async def report(context: Context, shortages: Shortages, rule: Rule) -> list[Report]:
    """Open the reports that are due, tell those again that wait too long; what was opened or told."""
    now = context.clock.now()
    known = await shortages.reports()
    found = rules.findings(await shortages.occasions(now - rule.window), known, rule, now)
    due = [rules.open_report(scope, evidence, SYSTEM, now) for scope, evidence in found]
    late = [rules.tell_again(one, SYSTEM, now) for one in known if rules.is_overdue(one, rule, now)]
    saved = []
    for one in (*due, *late):
        try:
            saved.append(await shortages.save(one, _alerts(context, one, now)))
        except Conflict:  # another worker was first
            log.debug("the shortage report %s is kept already", one.id)
    return saved


def _alerts(context: Context, one: Report, now: datetime) -> list[Outgoing]:
    """To the managers and the centre, with the leaders who are responsible."""
    code = {"opened": "shortage", "told_again": "shortage_again"}[one.steps[-1].kind]
    key = f"shortage/{one.id}/{len(one.steps)}"
    facts: dict[str, Any] = {
        "shortage": one.id, "orders": len(one.evidence), "missed": sum(o.missed for o in one.evidence),
        "trade": one.scope.trade, "department": one.scope.department_id,
        "leaders": [f"{leader.name} {leader.phone}" for leader in leaders(context, one.scope)],
    }  # fmt: skip
    return [
        alert(key=key, role=role, code=code, due=now, centre_id=one.scope.centre_id, **facts)
        for role in ("manager", "dispatcher")
    ]


def leaders(context: Context, scope: Scope) -> list[Leader]:
    """Both leaders of the department, or of every department of the trade."""
    named = [
        d
        for d in context.directory.departments.values()
        if (d.centre_id, d.trade) == (scope.centre_id, scope.trade) and scope.department_id in {"", d.id}
    ]
    return list(dict.fromkeys(one for d in named for one in (d.leader1, d.leader2)))


Follow = Callable[[Report, Actor, datetime], Report]
"""A step of the follow-up: `take_up`, `add_note` or `close` of the core, with what was said."""


async def follow(context: Context, shortages: Shortages, report_id: str, step: Follow, by: Actor) -> Report:
    """Carry out one step of the follow-up. Raises NotFound, GuardRefused, Conflict where somebody was first."""
    one = next((r for r in await shortages.reports() if r.id == report_id), None)
    if one is None:
        raise NotFound(f"no shortage report {report_id!r}", shortage=report_id)
    return await shortages.save(step(one, by, context.clock.now()))


def counted_since(one: Report, occasions: Sequence[Occasion]) -> int:
    """How many orders the scope has had without a free crew since somebody took the report up: did it help?"""
    taken = next((s.at for s in one.steps if s.kind == "took_up"), None)
    return len({o.order_id for o in occasions if o.scope == one.scope and taken and o.at > taken})
