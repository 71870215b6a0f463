"""What a vehicle's terminal has not confirmed: a text of an order, or that a recalled order is gone from it.

The dispatchers of the crew's centre are told at once where a connected terminal does not confirm it (it says so itself:
services.crew.unreceipted). Where nothing comes at all, a line that is down for instance, they are told once the limit of the hop to
the crew (segment DE) has passed: for a text that was corrected and for a recall, which no watch of an answer covers. Where nobody
has acknowledged that within the limit of the watch for the crew, the chain of that watch goes on from its second rung: at a
centre without anybody on duty nobody else would hear of it. A key on the telephone pauses it, the last rung tells the managers,
too, and is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import dropwhile
from typing import Any

from dispatch.core.chains import IN_HAND, Rung, Watch
from dispatch.core.outgoing import Outgoing, alert, told
from dispatch.core.process import Process
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import LOCATE, NOTHING, Event, WorkOrder, remark, worked_out

UNRECEIPTED, RECALL_UNRECEIPTED = "unreceipted", "recall_unreceipted"
RECEIPTS = ("receipt", "also_received")
ESCALATED = "escalated"
"""A remark: who above the dispatchers was told, or who had acknowledged it (`heard`), so that nobody else is."""
UNHEARD = "unheard"
"""The alert by which they are told, and why they are rung."""
_ALONE = Rung(timedelta(), ("manager",), "", "in_hand")
"""Who is above the dispatchers where no chain says so."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What one terminal has not confirmed, and when somebody is told of it next."""

    what: str
    device: str
    edition: int
    crew_id: str
    centre_id: str
    """Of the crew: whose dispatchers it concerns, wherever the order is by now."""
    due: datetime
    told: tuple[Event, ...] = ()
    """The remark with which the dispatchers were told, then those of each rung above them; empty: they are the next ones."""

    @property
    def about(self) -> str:
        """The cause that holds as long as it lasts (see core.alert_codes)."""
        return _cause(self.what, self.device, self.edition)

    def alerts(self, order: WorkOrder) -> tuple[str, ...]:
        """The keys of the alerts that say so: who acknowledges one of them has it in hand."""
        roles = [e.data["alert"] if e.kind == ESCALATED else ["dispatcher"] for e in self.told]
        return tuple(
            f"alert/{order.id}/{e.key}/{role}"
            for e, told in zip(self.told, roles, strict=True)
            for role in told
        )


def unconfirmed(order: WorkOrder, process: Process) -> frozenset[str]:
    """The causes that hold: what terminals hold back, as far as it matters still and somebody was told."""
    causes = {_cause(RECALL_UNRECEIPTED, device, 0) for device in order.removing}
    edition = len(order.editions)
    if not _matters(order, process):
        return frozenset(causes)
    waiting: set[str] = set()
    for event in order.history:
        if event.kind in {UNRECEIPTED, *RECEIPTS} and _edition(order, event) == edition:
            if event.kind == UNRECEIPTED:
                waiting.add(str(event.data.get("device", "")))
            else:
                waiting.discard(event.by.id)
    return frozenset(causes | {_cause(UNRECEIPTED, device, edition) for device in waiting})


def silences(order: WorkOrder, process: Process) -> tuple[Silence, ...]:
    """Everything of which somebody is still to be told. What was decided before devices were named with it is not among it."""
    return worked_out(order, "silences", process, lambda o, p: (*_texts(o, p), *_recalls(o, p)))


def tell_dispatchers(
    order: WorkOrder, process: Process, one: Silence, *, by: Actor, at: datetime, now: datetime
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """Noted once for each version on a device; told as long as it matters: the order is still there unanswered, its crew may be
    driving to where it was before, or the recall is still not confirmed."""
    key = f"{one.what}/{one.device}/{one.edition}"
    facts = {
        "device": one.device, "crew_id": one.crew_id, "generation": order.dispatch_of(one.edition),
        "edition": one.edition,
    }  # fmt: skip
    data = {**facts, **({"corrected": True} if order.is_corrected(one.edition) else NOTHING)}
    after = remark(order, process, one.what, by=by, now=now, at=at, data=data, key=key)
    if after is order or one.about not in unconfirmed(after, process):
        return after, ()
    return after, (
        alert(
            key=f"{order.id}/{key}", role="dispatcher", code=one.what, due=now, order_id=order.id,
            centre_id=one.centre_id, **facts,
        ),
    )  # fmt: skip


def tell_next(
    order: WorkOrder, process: Process, one: Silence, now: datetime, zone: tzinfo, heard: str
) -> tuple[WorkOrder, tuple[Outgoing, ...]]:
    """What is due: the dispatchers, then the rungs above them unless somebody has `heard` (who; empty: nobody)."""
    if not one.told:
        return tell_dispatchers(order, process, one, by=SYSTEM, at=now, now=now)
    chain, n = _above(process), len(one.told) - 1
    last = ("manager",) if n + 1 == len(chain) else ()
    rung = replace(chain[n], alert=tuple(dict.fromkeys((*chain[n].alert, *last))), keypress="in_hand")
    facts: dict[str, Any] = {
        "device": one.device, "generation": order.dispatch_of(one.edition), "rung": n + 2
    }  # fmt: skip
    key = f"{ESCALATED}/{one.told[0].key}/{n}"
    silent = rung.silent(now.astimezone(zone).time(), order.priority)
    rings = {"skipped": f"quiet {rung.quiet}"} if silent else {"phone": rung.phone}
    how = {"heard": heard} if heard else {"alert": list(rung.alert), **rings}
    data = {"what": one.what, "crew_id": one.crew_id, **facts, **how}
    after = remark(order, process, ESCALATED, by=SYSTEM, now=now, data=data, key=key)
    if heard:
        return after, ()
    theirs = replace(after, crew_id=one.crew_id, centre_id=one.centre_id)
    return after, told(
        theirs, rung, key=f"{order.id}/{key}", code=UNHEARD, now=now, silent=silent, watch="", why=UNHEARD,
        about=one.about, **facts,
    )  # fmt: skip


def _cause(what: str, device: str, edition: int) -> str:
    return f"removing {device}" if what == RECALL_UNRECEIPTED else f"unreceipted {device} {edition}"


def _matters(order: WorkOrder, process: Process) -> bool:
    """Whether a text does that a device holds back: its crew has still to answer; or it was corrected, so that the crew may be
    driving to where it was before, or stand there."""
    return bool(order.crew_id) and (_unanswered(order, process) or _astray(order))


def _unanswered(order: WorkOrder, process: Process) -> bool:
    return (order.state, "acknowledge") in process.transitions


def _astray(order: WorkOrder) -> bool:
    """Whether its crew may be on the way to where it was before the place was corrected, or be there."""
    edition = len(order.editions)
    if not order.is_corrected(edition):
        return False
    if order.state in {"acknowledged", "en_route"}:
        return True
    arrived, located = order.last("arrive"), order.last(LOCATE)
    if order.state != "on_scene" or arrived is None or located is None:
        return False
    return int(arrived.data.get("edition", edition)) < edition or arrived.at < located.at


def _edition(order: WorkOrder, event: Event) -> int:
    """Which version on a device a line is about; where it names the dispatch only, the first of that."""
    generation = event.data.get("generation")
    first = order.editions.index(generation) + 1 if generation in order.editions else 0
    return int(event.data.get("edition", first))


def _texts(order: WorkOrder, process: Process) -> Iterator[Silence]:
    """The text that stands, where it was corrected. Before the crew has answered, the chain of its watch goes on above."""
    edition = len(order.editions)
    if not order.is_corrected(edition) or not _matters(order, process):
        return
    located = order.last(LOCATE)
    assert located is not None
    since = order.history[located.seq :]
    confirmed = {e.by.id for e in since if e.kind in RECEIPTS and _edition(order, e) == edition}
    for device in sorted({*located.data.get("devices", ())} - confirmed):
        due = _due(order, process, located, device, UNRECEIPTED, edition, order.same_office)
        if due is not None and not (due[1] and _unanswered(order, process)):
            yield Silence(UNRECEIPTED, device, edition, order.crew_id, order.centre_id, *due)


def _recalls(order: WorkOrder, process: Process) -> Iterator[Silence]:
    """Of what was taken from a crew. One that gave it back itself knows; and its terminal is told all the same."""
    for device, revision in sorted(order.removing.items()):
        taken = next((e for e in reversed(order.history) if _takes(e, device, revision)), None)
        if taken is None or taken.by.role == "crew" or "same_office" not in taken.data:
            continue
        before = order.history[: taken.seq]
        generation = sum(e.kind == "dispatch" for e in before)
        edition = max((n for n, of in enumerate(order.editions, 1) if of == generation), default=0)
        centre = next((str(e.data["centre_id"]) for e in reversed(before) if e.data.get("centre_id")), "")
        office = bool(taken.data["same_office"])
        due = _due(order, process, taken, device, RECALL_UNRECEIPTED, edition, office)
        if due is not None:
            crew = next((str(e.data["crew_id"]) for e in reversed(before) if e.data.get("crew_id")), "")
            yield Silence(RECALL_UNRECEIPTED, device, edition, crew, centre, *due)


def _takes(event: Event, device: str, revision: int) -> bool:
    return event.data.get("revision") == revision and device in event.data.get("devices", ())


def _due(
    order: WorkOrder, process: Process, since: Event, device: str, what: str, edition: int, same_office: bool
) -> tuple[datetime, tuple[Event, ...]] | None:
    """When somebody is told next, and how others were; None: nobody has to be. What a terminal says late of an older text tells
    nobody of the one that stands."""
    after = [e for e in order.history[since.seq :] if e.data.get("device") == device]
    notes = (e for e in reversed(after) if e.kind == what)
    noted = next((e for e in notes if what != UNRECEIPTED or _edition(order, e) == edition), None)
    if noted is None:
        hop = process.segment("DE").limit_for(order.area_class, same_office)
        return since.recorded_at + hop, ()
    climbed = [e for e in after if e.kind == ESCALATED and e.data.get("what") == what]
    chain = _above(process)
    if len(climbed) >= len(chain) or any("heard" in e.data for e in climbed):
        return None
    watch = _for_the_crew(process)
    patience, pause = (watch.limit, watch.pause) if watch else (process.segment("EF").limit, timedelta())
    last = (climbed or [noted])[-1]
    wait = chain[len(climbed)].after if climbed else patience
    quiet = "skipped" in last.data  # gives way at once
    due = last.recorded_at + (timedelta() if quiet else wait)
    taken = [e.recorded_at + pause for e in after if e.kind == IN_HAND]
    answer = order.last("acknowledge")  # until then the watch for the crew went on instead
    answered = (
        [answer.recorded_at + patience] if answer and answer.seq > noted.seq and what == UNRECEIPTED else []
    )
    return max([due, *taken, *answered]), (noted, *climbed)


def _above(process: Process) -> tuple[Rung, ...]:
    """The rungs of the watch for the crew that come after the dispatchers' own, however often that one is rung."""
    rungs = watch.rungs if (watch := _for_the_crew(process)) else ()
    return tuple(dropwhile(lambda rung: replace(rung, after=rungs[0].after) == rungs[0], rungs)) or (_ALONE,)


def _for_the_crew(process: Process) -> Watch | None:
    return next((watch for watch in process.watches if watch.start == "D"), None)
