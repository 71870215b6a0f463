"""One step of one order, with everything that follows from it, in one decision.

The effects that a transition names in the process file are carried out here: on the roster, on other orders of
the same vehicle, and as outbox rows. A use case may take several steps on one `Draft` (a reassignment is a
recall and a dispatch) and commits them together.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from dispatch.core import incident
from dispatch.core.crew import Roster, Stacked, rewrite, show_acknowledged, stack, unstack
from dispatch.core.errors import DispatchError, GuardRefused, NotFound
from dispatch.core.escalation import CHASED, RUNG
from dispatch.core.hop import standing
from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.process import Process, Transition
from dispatch.core.segments import deadline
from dispatch.core.types import SYSTEM, Actor
from dispatch.core.work_order import FREED, NOTHING, WorkOrder, remark, take
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Contact, Crew, Decision, Loaded, Settled, T

log = logging.getLogger(__name__)


@dataclass
class Draft:
    """Values as a decision has changed them so far, over what was loaded."""

    context: Context
    loaded: Loaded
    now: datetime
    orders: dict[str, WorkOrder] = field(default_factory=dict)
    rosters: dict[tuple[str, str], Roster] = field(default_factory=dict)
    outgoing: list[Outgoing] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    dialled: dict[str, str] = field(default_factory=dict)
    undialled: dict[str, datetime] = field(default_factory=dict)

    def order(self, order_id: str) -> WorkOrder:
        """The order as this decision has it."""
        return self.orders.get(order_id) or self.loaded.order(order_id)

    def roster_of(self, crew: Crew) -> Roster:
        """The roster of a crew's centre and trade as this decision has it."""
        key = (crew.centre_id, crew.trade)
        return self.rosters.get(key) or self.loaded.roster(*key)

    def put(self, order: WorkOrder) -> WorkOrder:
        """Keep a changed order."""
        self.orders[order.id] = order
        return order

    def put_roster(self, roster: Roster) -> None:
        """Keep a changed roster."""
        self.rosters[roster.centre_id, roster.trade] = roster

    def process(self, order: WorkOrder) -> Process:
        """The definition that the order is pinned to."""
        return self.context.processes.of(order)

    def crew(self, crew_id: str) -> Crew:
        """A crew of the directory, or NotFound."""
        crew = self.context.directory.crews.get(crew_id)
        if crew is None:
            raise NotFound(f"no crew {crew_id!r}", crew=crew_id)
        return crew

    def changes(self, result: T) -> Changes[T]:
        """All of it, to be committed."""
        return Changes(
            result, tuple(self.orders.values()), tuple(self.rosters.values()), tuple(self.outgoing),
            tuple(self.contacts), tuple(self.decisions), tuple(self.settled), dict(self.dialled),
            dict(self.undialled),
        )  # fmt: skip

    def copy(self) -> Draft:
        """The same so far: what is tried on it can be left out, or taken over with `become`."""
        kept = (f.name for f in fields(self) if f.name not in {"context", "loaded", "now"})
        return replace(self, **{name: copy(getattr(self, name)) for name in kept})

    def become(self, tried: Draft) -> None:
        """All that was tried on a copy."""
        for one in fields(self):
            setattr(self, one.name, getattr(tried, one.name))

    def take(
        self,
        order_id: str,
        step: str,
        *,
        by: Actor,
        at: datetime | None = None,
        data: Mapping[str, Any] = NOTHING,
        key: str = "",
    ) -> WorkOrder:
        """The order after `step` and its effects, and those that follow it. The same key again changes nothing.

        Raises GuardRefused where the order follows another one of its incident: that one is worked on.
        """
        before = self.order(order_id)
        process = self.process(before)
        row = process.transitions.get((before.state, step))
        if before.follows and row is not None and incident.is_followed(row) and not before.has_key(key):
            raise GuardRefused(
                f"{order_id} belongs to the incident of {before.incident_id}: part it first, or act on that one",
                guard="incident", why="follows", lead=before.incident_id,
            )  # fmt: skip
        data = _with_devices(self, before, row, data)
        after = take(before, process, step, by=by, now=self.now, at=at, data=data, key=key)
        if after is before or row is None:
            return before
        self.put(after)
        for effect in row.effects:
            if not before.follows or effect not in _OF_THE_VEHICLE:
                _EFFECTS[effect](self, before, after)
        self._keep_together(after, row)
        return self.order(order_id)

    def remark(
        self,
        order_id: str,
        kind: str,
        *,
        by: Actor = SYSTEM,
        at: datetime | None = None,
        data: Mapping[str, Any] = NOTHING,
        key: str = "",
    ) -> WorkOrder:
        """The order with a remark; committed only if it is new."""
        before = self.order(order_id)
        after = remark(before, self.process(before), kind, by=by, now=self.now, at=at, data=data, key=key)
        if after is before:
            return before
        self.put(after)
        if kind in incident.ON_THE_WAY and after.incident_id == after.id:
            self._led(after)
        return after

    def follow(self, order_id: str) -> WorkOrder:
        """Bring an order to where the one that leads its incident is, as far as its own process lets it."""
        order = self.order(order_id)
        if not self.readable([order.incident_id]):
            return order  # it goes its own way: nobody is kept from calling back or parting it
        lead = self.order(order.incident_id)
        process = self.process(order)
        for event in incident.to_follow(order, lead, self.process(lead)):
            data, before = incident.as_followed(order, lead, event), order
            row = process.transitions.get((order.state, event.kind))
            if row is None and event.kind in process.steps:
                break  # it has not come so far itself, and follows when it has
            step = remark if row is None else take
            try:
                order = step(order, process, event.kind, by=event.by, now=self.now, at=event.at, data=data)
            except DispatchError as error:  # the leading order goes on, whatever one that follows is like
                log.info("%s does not follow %s yet: %s", order_id, lead.id, error)
                break
            self.put(order)
            if row is not None and "cut_calls" in row.effects:
                cut_calls(self, before, order)
        return order

    def part(self, order_id: str, *, by: Actor, reason: str) -> WorkOrder:
        """Out of its incident; where a crew was on its way, it waits at the centre again. Raises IllegalStep."""
        order = self.order(order_id)
        lead, process = order.incident_id, self.process(order)
        if order.crew_id:
            known = reason if reason in process.reasons else next(reversed(list(process.reasons)), "")
            data = {"reason": known, "lead": lead}
            after = take(order, process, "recall", by=by, now=self.now, data=data)
            self.put(after)
            cut_calls(self, order, after)
        return self.remark(order_id, incident.PARTED, by=by, data={"incident_id": lead})

    def part_all(self, lead: WorkOrder, reason: str) -> None:
        """The incident cannot go on: each order that followed is one of its own again, and its centre is told."""
        for order_id in self.following(lead):
            try:
                after = self.part(order_id, by=SYSTEM, reason=reason)
            except DispatchError as error:  # nobody works on it: it must not look as if somebody did
                log.warning("%s left its incident as it stands: %s", order_id, error)
                after = self.remark(order_id, incident.PARTED, data={"incident_id": lead.id})
            self.outgoing.append(
                alert(key=f"{order_id}/parted/{after.version}", role="dispatcher", code="parted", due=self.now,
                      order_id=order_id, centre_id=after.centre_id)
            )  # fmt: skip

    def leave(self, order_id: str, *, by: Actor) -> WorkOrder:
        """The order goes elsewhere: out of its incident, or the incident without it ends."""
        order = self.order(order_id)
        if order.incident_id == order.id:
            self.part_all(order, "")
        return self.part(order_id, by=by, reason="") if order.incident_id else order

    def following(self, lead: WorkOrder) -> list[str]:
        """The orders that follow this one and have not ended."""
        if lead.incident_id != lead.id:
            return []
        known = map(self.order, self.readable(self.loaded.incident(lead.id)))
        return [o.id for o in known if o.incident_id == lead.id and o.state not in self.process(o).final]

    def readable(self, order_ids: Sequence[str]) -> list[str]:
        """Those of an incident that can be read: one that is spoilt, which is said, holds no other one up."""
        failed = self.loaded.fetch(order_ids)
        for order_id, error in failed.items():
            log.error("order %s cannot be read, the others of its incident go on: %r", order_id, error)
        return [order_id for order_id in order_ids if order_id not in failed]

    def _led(self, lead: WorkOrder) -> None:
        for order_id in self.following(lead):
            self.follow(order_id)

    def _keep_together(self, after: WorkOrder, row: Transition) -> None:
        if after.follows:
            if row.withdraws == "send":
                self.part(after.id, by=SYSTEM, reason="")
            elif after.state not in self.process(after).final:
                self.follow(after.id)
        elif after.incident_id and incident.breaks_up(row, after, self.process(after)):
            self.part_all(after, str(after.history[-1].data.get("reason", "")))
        elif after.incident_id and incident.is_followed(row):
            self._led(after)


def _with_devices(
    draft: Draft, before: WorkOrder, row: Transition | None, data: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Steps that put an order on a vehicle or take it off name the terminals concerned."""
    if row is None or before.follows or not {"stack", "unstack"} & set(row.effects):
        return data
    crew_id = data["crew_id"] if "stack" in row.effects else before.crew_id
    if not crew_id:
        return data
    crew = draft.crew(crew_id)
    facts: dict[str, Any] = {"devices": terminals(crew), "same_office": crew.same_office}
    duty = draft.roster_of(crew).crew(crew_id)
    facts["revision"] = duty.revision + 1
    if "stack" in row.effects:
        facts["behind"] = [s.order_id for s in duty.stack]
        links = draft.context.links
        facts["links"] = {device: standing(links.get(device)) for device in facts["devices"]}
    return {**data, **facts}


def terminals(crew: Crew) -> list[str]:
    """The devices of a crew that show its orders."""
    return [d.id for d in crew.devices if d.kind == "terminal"]


def _deliver_to_centre(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
    if after.centre_id:
        draft.outgoing.append(centre_delivery(after, draft.now))


def centre_delivery(order: WorkOrder, now: datetime) -> Outgoing:
    """Carry the order to its centre's inbox."""
    key = f"centre/{order.id}/{order.sends}/{order.centre_id}/{order.version}"
    return Outgoing(key, "centre", order.centre_id, now, order.id, order.centre_id, {"send": order.sends})


def _stack(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
    crew = draft.crew(after.crew_id)
    draft.put_roster(stack(draft.roster_of(crew), crew.id, _aboard(draft, after)))
    write_devices(draft, crew)


def _aboard(draft: Draft, order: WorkOrder) -> Stacked:
    return Stacked(order.id, len(order.editions), order_text(draft, order))


def rewrite_aboard(draft: Draft, order: WorkOrder) -> None:
    """The crew that has the order reads it as it is now, on its terminals too."""
    crew = draft.crew(order.crew_id)
    draft.put_roster(rewrite(draft.roster_of(crew), crew.id, _aboard(draft, order)))
    write_devices(draft, crew)


def _unstack(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
    if not before.crew_id:
        return
    crew = draft.crew(before.crew_id)
    roster, freed = unstack(draft.roster_of(crew), crew.id, after.id)
    draft.put_roster(roster)
    write_devices(draft, crew)
    if freed:
        at = after.history[-1].at  # when it was restored, however late the terminal tells of it
        draft.remark(freed, FREED, at=at, data={"crew_id": crew.id}, key=f"free/{after.id}/{after.version}")


def _show_acknowledged(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
    crew = draft.crew(after.crew_id)
    draft.put_roster(show_acknowledged(draft.roster_of(crew), crew.id, after.id))
    write_devices(draft, crew)


def cut_calls(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
    """Hang up what rings for it; only an order that a rung or a chase has called for can have a call."""
    if not any(e.kind in {RUNG, *CHASED} for e in reversed(after.history)):
        return
    settled = {one.id for one in draft.settled if one.state == "done"}
    if live := [row for row in draft.loaded.live_calls([after.id]) if row.id not in settled]:
        key = f"cut/{after.id}/{after.version}"
        calls = {"calls": sorted({row.call_id for row in live})}
        draft.outgoing.append(Outgoing(key, "cut", after.id, draft.now, after.id, after.centre_id, calls))


def _tell(role: str) -> Any:
    def tell(draft: Draft, before: WorkOrder, after: WorkOrder) -> None:
        event = after.history[-1]
        facts = {"crew_id": before.crew_id, "reason": str(event.data.get("reason", "")), "by": str(event.by)}
        if role == "crew" and not before.crew_id:
            return
        draft.outgoing.append(
            alert(
                key=f"{after.id}/{after.version}/{event.kind}", role=role, code=f"order_{event.kind}",
                due=draft.now, order_id=after.id, centre_id=before.centre_id, **facts,
            )
        )  # fmt: skip

    return tell


_EFFECTS = {
    "deliver_to_centre": _deliver_to_centre,
    "stack": _stack,
    "unstack": _unstack,
    "show_acknowledged": _show_acknowledged,
    "cut_calls": cut_calls,
    "tell_hotline": _tell("hotline"),
    "tell_centre": _tell("dispatcher"),
    "tell_crew": _tell("crew"),
}

_OF_THE_VEHICLE = frozenset({"stack", "unstack", "show_acknowledged", "tell_crew"})
"""Effects that an order which follows another has none of: the leading order has them."""


def write_devices(draft: Draft, crew: Crew) -> None:
    """Bring the crew's terminals to their new desired state; the row says which, the delivery reads what."""
    revision = draft.roster_of(crew).crew(crew.id).revision
    for device in terminals(crew):
        key = f"desired/{device}/{revision}"
        draft.outgoing.append(Outgoing(key, "desired", device, draft.now, "", crew.centre_id))


def order_text(draft: Draft, order: WorkOrder) -> str:
    """What the crew reads on its terminal."""
    process = draft.process(order)
    language = "zh" if draft.context.language.startswith("zh") else "en"
    fault = process.fault_types.get(order.facts.fault_type, {}).get(language, order.facts.fault_type)
    until = deadline(order, process).astimezone(draft.context.zone)
    if language == "zh":
        return f"{order.id} {order.facts.address} {fault} {until:%H:%M}前到达"
    return f"{order.id} {order.facts.address} {fault} arrive by {until:%H:%M}"
