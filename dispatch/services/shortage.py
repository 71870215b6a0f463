"""Too few crews: noticed on each order that waits, reported where it is too often, followed up to an end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from dispatch.core import shortage as rules
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
    """Note on every order that has waited long enough which scopes have nobody for it; how many were noted."""
    process = context.processes.by_id[context.processes.current]
    states = sorted({r.state for r in process.transitions.values() if r.step == "dispatch"})
    now = context.clock.now()
    noted = 0
    for order in await context.store.open_orders(states):
        if _waited(context, order, now) >= rule.waited and order.centre_id and order.trade:
            try:
                noted += await context.store.transact(_noting(context, order.id))
            except NotFound as error:  # its trade has no crews at all: the dispatcher sees that on the order
                log.debug("%s: %s", order.id, error)
    return noted


def _waited(context: Context, order: WorkOrder, now: datetime) -> Any:
    return now - timeline(order, context.processes.of(order), now).intervals[-1].start


def _noting(context: Context, order_id: str) -> Callable[[Loaded, datetime], Changes[int]]:
    def decide(loaded: Loaded, now: datetime) -> Changes[int]:
        draft = Draft(context, loaded, now)
        order = draft.order(order_id)
        if (order.state, "dispatch") not in draft.process(order).transitions:
            return Changes(0)
        roster = loaded.roster(order.centre_id, order.trade)
        crews = context.directory.crews
        departments = {d.crew_id: crews[d.crew_id].department_id for d in roster.crews if d.crew_id in crews}
        scopes, facts = rules.lacking(roster, departments, context.crews_on_shift(roster, now))
        attempt = f"{order.sends}/{order.generation}"
        for scope in scopes:
            key = f"{NO_FREE_CREW}/{attempt}/{scope.key}"
            draft.remark(order_id, NO_FREE_CREW, data={"scope": scope.key, **facts}, key=key)
        return draft.changes(draft.order(order_id).version - order.version)

    return decide


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
