"""Who outside the pages is told what, and whether it still has to be said. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from typing import Any, Literal, get_args

from dispatch.core.alert_codes import AGAIN, Rank, cause_of, causes, code_of
from dispatch.core.escalation import RUNG, open_watches
from dispatch.core.process import Process
from dispatch.core.segments import deadline
from dispatch.core.work_order import WorkOrder

Severity = Literal["info", "warning", "escalation"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
_ABOUT_THE_END = {"order_cancel", "unsatisfied"}
"""What is news also, or only, when the order is finished."""


def severity(code: str) -> Severity:
    """How much an alert matters; a code that nobody has classed is a warning."""
    rank = code_of(code).rank
    return "escalation" if rank <= Rank.NOBODY else "info" if rank is Rank.NEWS else "warning"


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to one recipient: a person, or a role (of a centre, where `centre_id` says one).

    `minimum`: the least severity that goes this way, where no `codes` are named. From `quiet_from` to `quiet_to`
    (HH:MM in the utility's zone; equal or empty: never) only escalations do; the rest waits for the end.
    """

    id: int
    recipient: str
    role: str
    label: str
    url: str = field(repr=False)
    """An Apprise address: it holds secrets."""
    centre_id: str = ""
    crew_id: str = ""
    language: str = ""
    minimum: str = "info"
    codes: tuple[str, ...] = ()
    quiet_from: str = ""
    quiet_to: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.recipient} · {self.label}"


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as it stands in the pages."""

    key: str
    code: str
    role: str
    centre_id: str
    order_id: str
    facts: Mapping[str, Any]
    raised_at: datetime
    acknowledged_by: str = ""
    settled: str = ""
    """The step that ended its cause; empty where a person acknowledged it, or nobody yet."""


def wants(channel: Channel, told: Told) -> bool:
    """Whether this alert goes this way."""
    if channel.role != told.role:
        return False
    if channel.centre_id and told.centre_id and channel.centre_id != told.centre_id:
        return False
    if channel.crew_id and channel.crew_id != told.facts.get("crew_id"):
        return False
    if channel.codes:
        return told.code in channel.codes
    return SEVERITIES.index(severity(told.code)) >= SEVERITIES.index(channel.minimum)


def quiet_until(channel: Channel, now: datetime, zone: tzinfo) -> datetime | None:
    """When the channel's quiet hours end, while they last."""
    if not channel.quiet_from or channel.quiet_from == channel.quiet_to:
        return None
    start, end = time.fromisoformat(channel.quiet_from), time.fromisoformat(channel.quiet_to)
    local = now.astimezone(zone)
    at = local.time().replace(tzinfo=None)
    if not (start <= at < end if start < end else at >= start or at < end):
        return None
    day = local.date() if at < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone)


def answered(told: Told) -> str:
    """Why this need not be said any more, as the pages know; empty while it must. That a later one stands in its place
    there does not answer it: outside, that one may go other ways (`later_rungs`)."""
    if told.settled == AGAIN or not told.acknowledged_by:
        return ""
    if told.settled:
        return f"over meanwhile: {told.settled} by {told.acknowledged_by}"
    return f"acknowledged in the pages by {told.acknowledged_by}"


def overtaken(order: WorkOrder, process: Process, told: Told) -> str:
    """Why the order says that it need not be said any more; empty while it must."""
    cause = cause_of(told.code, order.id, told.facts).removeprefix(f"{order.id} ")
    if cause:  # it may outlast the order
        return "" if cause in causes(order, process) else "over meanwhile"
    if order.state in process.final and told.code not in _ABOUT_THE_END:
        return "the order was finished meanwhile"
    return ""


def since(order: WorkOrder, process: Process, told: Told) -> datetime:
    """Since when it has been so: a watch's start, the promise's end, else the alert itself."""
    if told.code.startswith("unanswered_"):
        found = [w.since for w in open_watches(order, process) if w.watch.name == told.facts.get("watch")]
        return found[0] if found else told.raised_at
    return deadline(order, process) if told.code == "promise_missed" else told.raised_at


def later_rungs(order: WorkOrder, told: Told) -> tuple[str, ...]:
    """Keys of the alerts by which the same role was told of later rungs of the same watch."""
    facts = told.facts
    if not told.code.startswith("unanswered_"):
        return ()
    mine = (facts["watch"], facts["generation"])
    return tuple(
        f"alert/{e.key}/{told.role}"
        for e in order.history
        if e.kind == RUNG
        and (e.data["watch"], e.data["generation"]) == mine
        and (e.data["cycle"], e.data["rung"]) > (facts["cycle"], facts["rung"])
    )
