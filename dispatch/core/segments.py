"""Where the minutes went: the seven segments, derived from an order's history.

The time from A to H (or to now) is cut into intervals that touch: each has one label and one owner, so that the
durations sum to A..H exactly. Labels are the segments AB to GH, and two more: `withdrawn`, an attempt (dispatch
or send) that ended in a reject, recall or return, charged to whoever caused it; and `stacked`, waiting behind
another order of the same vehicle, which belongs to the centre that stacked it. Overruns are listed apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch.core.hop import best, hop_owner
from dispatch.core.process import POINTS, Process
from dispatch.core.work_order import FREED, REORDERED, Event, WorkOrder, worked_out

WITHDRAWN = "withdrawn"
STACKED = "stacked"
LEFT = "gps_departed"
"""A remark: the vehicle was seen to leave. It ends turnout where nobody pressed the button."""
ZERO = timedelta()
_PARTY = {
    "crew": "crew",
    "hotline": "hotline",
    "device": "crew",
    "customer": "customer",
}


@dataclass(frozen=True, slots=True)
class Interval:
    """One stretch of time with one owner. `evidence` says from what it is known."""

    label: str
    start: datetime
    end: datetime
    owner: str
    attempt: int
    evidence: str = ""

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Overrun:
    """A segment that took longer than its limit, and the party that owns the excess."""

    label: str
    owner: str
    duration: timedelta
    limit: timedelta
    evidence: str = ""

    @property
    def excess(self) -> timedelta:
        return self.duration - self.limit


@dataclass(frozen=True, slots=True)
class Timeline:
    """An order's intervals from A on, its points, and what is running."""

    intervals: tuple[Interval, ...]
    points: Mapping[str, datetime]
    running: str
    """Label of the interval that has not ended; empty after H or after a cancellation."""

    @property
    def total(self) -> timedelta:
        return sum((i.duration for i in self.intervals), ZERO)

    def duration(self, label: str) -> timedelta:
        """All time spent under this label."""
        return sum((i.duration for i in self.intervals if i.label == label), ZERO)


def timeline(order: WorkOrder, process: Process, now: datetime) -> Timeline:
    """The order's time from A until H, its cancellation, or `now`."""
    walk = _walked(order, process)
    if walk.ended:
        return Timeline(tuple(walk.intervals), dict(walk.points), "")
    last = walk.until(max(now, walk.since))
    return Timeline((*walk.intervals, last), dict(walk.points), walk.label)


def _walked(order: WorkOrder, process: Process) -> _Walk:
    """The whole history passed; once for each value of an order, since several questions are asked of it."""
    return worked_out(order, "walk", process, _pass_all)


def _pass_all(order: WorkOrder, process: Process) -> _Walk:
    walk = _Walk(order, process)
    for event in order.history:
        walk.pass_event(event)
    return walk


def same_walk(before: WorkOrder, after: WorkOrder) -> None:
    """What `after` has more than `before` moves no point and nothing in the vehicle's sequence: it is not walked anew."""
    if "walk" in before.derived:
        after.derived["walk"] = before.derived["walk"]


def points(order: WorkOrder, process: Process) -> Mapping[str, datetime]:
    """The points that were reached, A first."""
    return _walked(order, process).points


def dispatching(process: Process) -> str:
    """The party that dispatches, as the process calls it: waiting behind another order of the vehicle is its."""
    return process.segment("CD").owner


def limit(order: WorkOrder, process: Process, label: str) -> timedelta:
    """The limit of a segment for this order; withdrawn and stacked time has none to spare."""
    if label in {WITHDRAWN, STACKED}:
        return ZERO
    return process.segment(label).limit_for(order.area_class, order.same_office)


def overruns(order: WorkOrder, process: Process, now: datetime) -> tuple[Overrun, ...]:
    """Each label whose time exceeds its limit, by owner, in the order of time."""
    spent: dict[tuple[str, str], list[Interval]] = {}
    for interval in timeline(order, process, now).intervals:
        spent.setdefault((interval.label, interval.owner), []).append(interval)
    found = []
    for (label, owner), parts in spent.items():
        duration = sum((p.duration for p in parts), ZERO)
        allowed = limit(order, process, label)
        if duration > allowed:
            evidence = "; ".join(dict.fromkeys(p.evidence for p in parts if p.evidence))
            found.append(Overrun(label, owner, duration, allowed, evidence))
    return tuple(found)


def deadline(order: WorkOrder, process: Process) -> datetime:
    """When the promise ends: A plus the area's limit. A is the history's, which is sealed (docs/audit-trail.md)."""
    return order.history[0].at + process.promise[order.area_class]


class _Walk:
    """Passes over a history once, cutting time into labelled intervals."""

    def __init__(self, order: WorkOrder, process: Process) -> None:
        self.process = process
        self.since = order.history[0].at
        self.state = ""
        self.label = "AB"
        self.attempt = 0
        self.behind = False
        self.left: Event | None = None
        self.sent: Event | None = None
        """The dispatch whose order has not arrived yet."""
        self.begun = {"send": 0, "dispatch": 0}
        self.points = {"A": self.since}
        self.intervals: list[Interval] = []
        self.ended = False

    def pass_event(self, event: Event) -> None:
        row = self.process.transitions.get((self.state, event.kind))
        self.state = self.process.first if not self.state else (row.to if row else self.state)
        if event.kind == FREED and self.behind:
            self._crew_free(event, "the order ahead was finished")
        if event.kind == REORDERED:
            self._reordered(event)
        if event.kind == LEFT and self.label == "FG":
            self.left = self.left or event
        if row is None:
            return
        if row.withdraws:
            self._withdraw(row.withdraws, event)
        elif row.point and not self.ended:
            self._reach(row.point, event)
        if self.state in self.process.final and not self.ended:
            self.close(event.at)
            self.ended = True

    def close(self, at: datetime, evidence: str = "", link: str = "") -> None:
        """End the running interval at `at`."""
        self.intervals.append(self.until(at, evidence, link))
        self.since = at

    def until(self, at: datetime, evidence: str = "", link: str = "") -> Interval:
        """The running interval up to `at`. A hop's owner follows from its link, as far as that is known."""
        owner = dispatching(self.process) if self.label == STACKED else self.process.segment(self.label).owner
        if self.label == "DE" and not link and self.sent is not None and "links" in self.sent.data:
            link = best(self.sent.data["links"].values())
            evidence = evidence or f"{self.sent.kind} by {self.sent.by}, link {link}"
        owner = hop_owner(owner, link)
        return Interval(self.label, self.since, at, owner, self.attempt, evidence)

    def _reach(self, point: str, event: Event) -> None:
        left = self.left
        if point == "H" and self.label == "FG" and left is not None and left.at <= event.at:
            self._reach("G", left)
        evidence = f"{event.kind} by {event.by}"
        if link := str(event.data.get("link", "")):
            evidence += f", link {link}"
        self.close(event.at, evidence, link)
        self.points[point] = event.at
        if point == "H":
            self.ended = True
            return
        if point == "B":
            self.begun["send"] = len(self.intervals)
        self.sent = event if point == "D" else None
        if point == "D":
            self.attempt += 1
            self.begun["dispatch"] = len(self.intervals)
            self.behind = bool(event.data.get("behind"))
            self.left = None
        following = POINTS[POINTS.index(point) + 1]
        self.label = STACKED if point == "F" and self.behind else point + following

    def _crew_free(self, event: Event, evidence: str) -> None:
        self.behind = False
        if self.label == STACKED and not self.ended:
            self.close(event.at, evidence)
            self.label = "FG"

    def _reordered(self, event: Event) -> None:
        """To the front: its turnout begins. Behind another: what it waits from here on is the centre's."""
        evidence = f"{event.kind} by {event.by}"
        if event.data["place"] == 1 and self.behind:
            self._crew_free(event, evidence)
        elif event.data["place"] > 1 and not self.behind:
            self.behind = True
            if self.label == "FG" and not self.ended:
                self.close(event.at, evidence)
                self.label = STACKED

    def _withdraw(self, attempt: str, event: Event) -> None:
        """Also of a crew that had arrived and cannot repair it: then the time goes on from its arrival."""
        self.ended = False
        self.close(event.at)
        reason = str(event.data.get("reason", ""))
        known = self.process.reasons.get(reason)
        owner = (known.cause if known else "") or self._party(event.by.role)
        evidence = f"{event.kind} by {event.by}: {reason}"
        first = self.begun[attempt]
        self.intervals[first:] = [
            i if i.label == WITHDRAWN else replace(i, label=WITHDRAWN, owner=owner, evidence=evidence)
            for i in self.intervals[first:]
        ]
        self.label = "CD" if attempt == "dispatch" else "AB"
        lost = "DEFGH" if attempt == "dispatch" else "BCDEFGH"
        self.points = {p: t for p, t in self.points.items() if p not in lost}
        self.behind = False

    def _party(self, role: str) -> str:
        return dispatching(self.process) if role in {"dispatcher", "system"} else _PARTY.get(role, role)
