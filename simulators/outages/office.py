"""The people at desks: the hotline, which takes, sends and calls back, and the repair centre's dispatcher.

They see what the pages show (`seen`: each change of an order), and act through the services, each after a delay of
their own. Automatic dispatch runs beside them: a batch shortly after whatever calls for one; and, under policies
that put an order behind another on one vehicle, again every while as long as something waits (under `nearest`
nothing can have changed between two events).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from dispatch.core.errors import DispatchError
from dispatch.core.escalation import open_watches
from dispatch.core.types import Actor
from dispatch.core.work_order import Event, WorkOrder
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from dispatch.services.hotline import Call
from simulators.outages.agenda import Agenda
from simulators.outages.edge import Transport
from simulators.outages.rows import Outage
from simulators.outages.store import ReplayStore
from simulators.outages.utility import CENTRE, fault_of
from simulators.people import People

log = logging.getLogger(__name__)
HOTLINE, DISPATCHER = Actor("hotline", "hotline"), Actor("dispatcher", "dispatcher")
UNANSWERED = ("dispatched", "delivered")
LOOKS_AGAIN = 300.0
"""A dispatcher whose order nobody could take yet looks again after so long, seconds."""
CLOSES_AFTER = 20.0
"""From the last thing that an order needed to its closing."""


async def attempted(step: Awaitable[Any]) -> bool:
    """Whether the service took the step; a refusal is what a person would read on the page."""
    try:
        await step
    except DispatchError as error:
        log.debug("refused: %s", error)
        return False
    return True


class Hotline:
    """Takes each outage's call, sends the order, routes what no rule could, calls back, closes."""

    def __init__(self, context: Context, agenda: Agenda, people: People) -> None:
        self._context, self._agenda, self._people = context, agenda, people
        self.calls: dict[str, Outage] = {}
        """By order: the outage that began it."""
        self.led_to: dict[str, tuple[str, str]] = {}
        """By outage: the order that its call led to, and how (new, joined)."""

    def expect(self, outage: Outage) -> None:
        """The outage's customer will call when it starts (A)."""

        async def take() -> None:
            await self._take(outage)

        self._agenda.after(0.0, take, since=outage.start)

    async def _take(self, outage: Outage) -> None:
        fault = fault_of(outage)
        address = f"{outage.place.lat:.4f}, {outage.place.lon:.4f}"
        call = Call(
            "phone", address, fault.fault_type, fault.voltage, outage.place, ended_at=outage.start,
            id=f"outage-{outage.id}", description=f"{outage.customers} customer(s), {outage.cause.lower()}",
        )  # fmt: skip
        taken = await hotline.take_call(self._context, call, by=HOTLINE)
        self.led_to[outage.id] = (taken.order_id, taken.outcome)
        if taken.outcome == "new":
            self.calls[taken.order_id] = outage
            self._plan(taken.order_id, "hotline_handling", self._send)
            if taken.unroutable:
                self._plan(taken.order_id, "unroutable_decision", self._route)

    def seen(self, order: WorkOrder, event: Event) -> None:
        """What the hotline's page shows."""
        if event.kind == "restore":
            self._plan(order.id, "call_back", self._call_back)
        if event.kind in {"call_back", "record"} and order.satisfied is not None and order.record:
            self._agenda.after(CLOSES_AFTER, lambda: self._close(order.id))

    def _plan(self, order_id: str, delay: Any, act: Callable[[str], Awaitable[None]]) -> None:
        self._agenda.after(self._people.delay(delay, order_id), lambda: act(order_id))

    async def _send(self, order_id: str) -> None:
        await hotline.send(self._context, order_id, by=HOTLINE)

    async def _route(self, order_id: str) -> None:
        trade = fault_of(self.calls[order_id]).trade
        await hotline.route(
            self._context, order_id, centre_id=CENTRE, trade=trade, area_class="urban", by=HOTLINE
        )

    async def _call_back(self, order_id: str) -> None:
        satisfied = self._people.happens("satisfied", order_id)
        await hotline.call_back(self._context, order_id, satisfied=satisfied, by=HOTLINE)

    async def _close(self, order_id: str) -> None:
        await attempted(hotline.close(self._context, order_id, by=HOTLINE))


class Centre:
    """The repair centre: automatic dispatch, and the person who looks after what it leaves."""

    def __init__(
        self, context: Context, store: ReplayStore, agenda: Agenda, people: People, transport: Transport,
        look_out: Callable[[], None],
    ) -> None:  # fmt: skip
        self._context, self._store, self._agenda, self._people = context, store, agenda, people
        self._transport = transport
        self._look_out = look_out
        """Brings the vehicles' last positions up to now."""
        self._next_batch = context.clock.now() - timedelta(days=1)
        self.batches = 0

    def seen(self, order: WorkOrder, event: Event) -> None:
        """What the dispatcher's page shows."""
        kind, data = event.kind, event.data
        if kind in {"centre_receipt", "reject", "recall", "restore"}:
            self.want_batch(self._transport.match_every)
        if kind in {"centre_receipt", "reject", "recall", "in_hand"}:
            self._agenda.after(self._decision(order), lambda: self._look(order.id))
        watch = self._context.processes.of(order).watch("crew")
        if kind == "rung" and data["watch"] == "crew" and data["rung"] == len(watch.rungs):
            self._agenda.after(self._decision(order), lambda: self._take_back(order.id, order.generation))

    def want_batch(self, seconds: float) -> None:
        """A batch of automatic dispatch within so long."""
        now = self._context.clock.now()
        wanted = now + timedelta(seconds=seconds)
        if not now < self._next_batch <= wanted:
            self._next_batch = wanted
            self._agenda.after(seconds, self._batch)

    async def _batch(self) -> None:
        if self._context.clock.now() < self._next_batch:
            return  # an earlier one was wanted meanwhile, and has been
        self._look_out()
        self.batches += 1
        await dispatcher.match_waiting(self._context)
        stacks = self._context.policy != "nearest"
        if stacks and await self._store.open_orders(["at_centre"]):
            self.want_batch(self._transport.match_again)

    def _decision(self, order: WorkOrder) -> float:
        return self._people.delay("centre_decision", f"{order.id}/{order.version}")

    async def _look(self, order_id: str) -> None:
        """Take an order in hand that still waits; where every crew has refused it, send one all the same."""
        order = self._store.known(order_id)
        if order is None or order.state != "at_centre":
            return
        if any(w.watch.name == "centre" for w in open_watches(order, self._context.processes.of(order))):
            await attempted(dispatcher.accept(self._context, order_id, by=DISPATCHER))
        crews = {c.id for c in self._context.directory.crews.values() if c.trade == order.trade}
        if crews <= {e.by.id for e in order.history if e.kind == "reject"}:
            await self._insist(order_id)

    async def _insist(self, order_id: str) -> None:
        self._look_out()
        found = await dispatcher.candidates(self._context, order_id)
        free = next((one.crew_id for one in found.ranked if one.behind == 0), None)
        if free is None or not await attempted(
            dispatcher.dispatch(self._context, order_id, crew_id=free, by=DISPATCHER)
        ):
            self._agenda.after(LOOKS_AGAIN, lambda: self._look(order_id))

    async def _take_back(self, order_id: str, generation: int) -> None:
        """Nobody on the whole chain has answered: another crew may be luckier."""
        order = self._store.known(order_id)
        if order is not None and order.generation == generation and order.state in UNANSWERED:
            await attempted(dispatcher.recall(self._context, order_id, reason="no_answer", by=DISPATCHER))
