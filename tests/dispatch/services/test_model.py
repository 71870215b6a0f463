"""Random steps, waits and restarts on several orders and crews, against a small reference model."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dispatch.clock import VirtualClock
from dispatch.core.errors import DispatchError, IllegalStep
from dispatch.core.escalation import clocks, fire, open_watches
from dispatch.core.locating import Whereabouts, whereabouts
from dispatch.core.responsibility import Rules
from dispatch.core.segments import timeline
from dispatch.core.territory import Territories
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder, begin, fold
from dispatch.services.context import Context
from dispatch.services.locating import put_place
from dispatch.services.ports import Crew, Device, Directory
from dispatch.services.steps import Draft
from tests.dispatch.centre import PROCESSES, CountedIds
from tests.dispatch.core.orders import BY, DATA, PROCESS, A, facts
from tests.dispatch.services.remembered import Remembered

CREWS = ("N1", "N2")
ORDERS = ("W1", "W2", "W3", "W4", "W5")
CREW_STEPS = {"receipt", "acknowledge", "reject", "depart", "arrive", "restore", "record"}
THERE_OR_ENDED = {"on_scene", "restored", "recorded", "closed", "cancelled"}
WATCHED = {"dispatched": "crew", "delivered": "crew"}


def _crew(name: str) -> Crew:
    devices = (Device(f"t-{name}", name, "terminal"),)
    return Crew(name, name, name, "d", "north", "service", "1", 3, "00:00", "24:00", 0, 0, False, devices)


class Life(RuleBasedStateMachine):
    """The model: each order's state and crew, each crew's sequence. The rest must follow."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Remembered(*CREWS)
        self.clock = VirtualClock(A)
        self.context = Context(
            store=None, clock=self.clock, processes=PROCESSES,  # type: ignore[arg-type]
            directory=Directory(crews={c: _crew(c) for c in CREWS}), territories=Territories([]),
            rules=Rules(()), travel=None, ids=CountedIds(), language="en",  # type: ignore[arg-type]
        )  # fmt: skip
        self.states: dict[str, str] = {}
        self.aboard: dict[str, list[str]] = {c: [] for c in CREWS}
        self.with_crew: dict[str, str] = {}

    @initialize()
    def calls(self) -> None:
        for order_id in ORDERS:
            data = {"centre_id": "north", "trade": "service"}
            draft = self._draft()
            draft.put(begin(facts(order_id), PROCESS, by=BY["send"], now=A, data=data))
            self.store.commit(draft.changes(None))
            self.states[order_id] = "received"

    def _draft(self) -> Draft:
        return Draft(self.context, self.store, self.clock.now())

    @rule(
        order_id=st.sampled_from(ORDERS), crew=st.sampled_from(CREWS), step=st.sampled_from(PROCESS.steps),
        reason=st.sampled_from(sorted(PROCESS.reasons)), key=st.sampled_from(["", "", "k1", "k2"]),
    )  # fmt: skip
    def take(self, order_id: str, crew: str, step: str, reason: str, key: str) -> None:
        """Anybody tries anything."""
        data: dict[str, Any] = {**DATA.get(step, {}), "reason": reason}
        if step in CREW_STEPS:
            data["crew_id"] = crew
        if step == "dispatch":
            data = {"crew_id": crew}
        before = self.store.order(order_id)
        draft = self._draft()
        try:
            draft.take(order_id, step, by=BY[step], data=data, key=key)
        except DispatchError:
            assert not self._may(before, step, crew), f"{step} of {order_id} ({before.state}) was refused"
            return
        if before.has_key(key):
            assert draft.changes(None).orders == ()
            return
        assert self._may(before, step, crew), f"{step} of {order_id} ({before.state}) was allowed"
        self.store.commit(draft.changes(None))
        self._model(order_id, step, crew)

    def _may(self, order: WorkOrder, step: str, crew: str) -> bool:
        """What the model says of a step by BY[step] (crew steps: by N1, naming `crew`)."""
        row = PROCESS.transitions.get((self.states[order.id], step))
        if row is None or BY[step].role not in row.by:
            return False
        if "own_order" in row.guards and self.with_crew.get(order.id) not in {BY[step].id, crew}:
            return False
        if step == "dispatch" and len(self.aboard[crew]) >= 3:
            return False
        return step != "close" or order.satisfied is not None

    def _model(self, order_id: str, step: str, crew: str) -> None:
        row = PROCESS.transitions[self.states[order_id], step]
        self.states[order_id] = row.to
        if step == "dispatch":
            self.aboard[crew].append(order_id)
            self.with_crew[order_id] = crew
        if step in {"reject", "recall", "restore", "cancel"} and order_id in self.with_crew:
            holder = self.with_crew[order_id]
            self.aboard[holder] = [o for o in self.aboard[holder] if o != order_id]
            if step != "restore":
                del self.with_crew[order_id]

    @rule(order_id=st.sampled_from(ORDERS), n=st.integers(1, 3), key=st.sampled_from(["", "k1", "k3"]))
    def locate(self, order_id: str, n: int, key: str) -> None:
        """Somebody says where it is; what the crew reads follows in the same commit."""
        before = self.store.order(order_id)
        draft = self._draft()
        to = Whereabouts(f"{n} Lane", Point(30.0, 120.0 + n / 100))
        try:
            after = put_place(draft, order_id, to, by=BY["send"], key=key)
        except IllegalStep:
            assert self.states[order_id] in THERE_OR_ENDED
            return
        if before.has_key(key):
            assert after is before
            return
        assert self.states[order_id] not in THERE_OR_ENDED
        assert whereabouts(after) == to
        self.store.commit(draft.changes(None))

    @rule(seconds=st.integers(0, 900))
    def wait(self, seconds: int) -> None:
        """Time passes; every clock that is due decides, in its order."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while due := self._due(end):
            at, order_id, clock = due[0]
            self.clock.advance_to(at)
            draft = self._draft()
            order, following = fire(draft.order(order_id), PROCESS, clock, self.clock.now())
            assert following, "an armed clock that is due decides something"
            draft.put(order)
            draft.outgoing.extend(following)
            self.store.commit(draft.changes(None))
        self.clock.advance_to(end)

    def _due(self, end: Any) -> list[Any]:
        armed = ((c.due, o.id, c) for o in self.store.orders.values() for c in clocks(o, PROCESS))
        return sorted((one for one in armed if one[0] <= end), key=lambda one: (one[0], one[1], one[2].name))

    @rule()
    @precondition(lambda self: self.store.orders)
    def restart(self) -> None:
        """All that a process kept in memory is gone; the histories say it again."""
        for order in list(self.store.orders.values()):
            again = fold(order.facts, order.history, PROCESS)
            assert again == order
            assert clocks(again, PROCESS) == clocks(order, PROCESS)

    @invariant()
    def orders_and_vehicles_agree_with_the_model(self) -> None:
        for order_id, state in self.states.items():
            order = self.store.order(order_id)
            assert (order.state, order.crew_id) == (state, self.with_crew.get(order_id, ""))
        for duty in self.store.duties.crews:
            assert [s.order_id for s in duty.stack] == self.aboard[duty.crew_id]
            assert len(duty.stack) <= 3
            for aboard in duty.stack:
                order = self.store.order(aboard.order_id)
                assert order.dispatch_of(aboard.version) == order.generation
                assert aboard.version == len(order.editions), "the newest text"
                assert order.facts.address in aboard.text

    @invariant()
    def only_an_order_behind_another_waits_for_it(self) -> None:
        for crew, sequence in self.aboard.items():
            for order_id in sequence[:1]:
                assert not self.store.order(order_id).behind, f"{order_id} is the first of {crew}"

    @invariant()
    def an_unanswered_order_is_always_watched(self) -> None:
        for order in self.store.orders.values():
            watches = {w.watch.name for w in open_watches(order, PROCESS)}
            wanted = WATCHED.get(order.state)
            assert ("crew" in watches) == (wanted == "crew")
            if order.state == "sent" and order.history[-1].kind == "send":
                assert watches == {"centre"}

    @invariant()
    def no_rung_is_late_or_fired_twice(self) -> None:
        for order in self.store.orders.values():
            keys = [e.key for e in order.history if e.kind == "rung"]
            assert len(keys) == len(set(keys))
            rungs = [c for c in clocks(order, PROCESS) if c.name.startswith("watch:")]
            assert all(c.due >= self.clock.now() for c in rungs)

    @invariant()
    def every_minute_is_somebodys(self) -> None:
        now = self.clock.now()
        for order in self.store.orders.values():
            line = timeline(order, PROCESS, now)
            ends = [e.at for e in order.history if e.kind in {"arrive", "cancel"}]
            assert line.total == (ends[0] if ends else now) - A

    @invariant()
    def each_vehicles_revision_was_written_to_it(self) -> None:
        for duty in self.store.duties.crews:
            if duty.revision:
                assert f"desired/t-{duty.crew_id}/{duty.revision}" in self.store.outbox


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
