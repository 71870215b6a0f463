"""An evening with everything on the pages: late orders, stacks, recalls, an incident, call-backs, shortages, lost alerts.

Built once by the decisions of the centre themselves, for tests and pictures that look at every page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

from sqlalchemy import update

from dispatch.adapters.sql import history, outages
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.statements import OUTBOX
from dispatch.core.outage import PlannedOutage
from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.position import Fix
from dispatch.core.shortage import Rule
from dispatch.core.track import Kept
from dispatch.core.types import Actor, Point
from dispatch.services import clocks, dispatcher, hotline, incidents, shortage
from dispatch.services import crew as duty
from dispatch.services.ports import Changes
from tests.browser.served import Served, served
from tests.dispatch.organisation import EAST
from tests.dispatch.sql.test_day_sheets import keep, random_order

HOLLY, DORA, MONA = Actor("hotline", "holly"), Actor("dispatcher", "dora"), Actor("manager", "mona")
WEEK_OF_ORDERS = 80
STILL_OPEN = 7
"""Of them, the one that nobody has finished: it is a day late."""
WEEK = "from=2026-02-24&to=2026-03-02"
"""Of the manager's pages: the days that have orders."""

PAGES = {
    "": ("/sign-in", "/nothing/here"),
    "dora": ("/control-room", "/orders/{late}", "/orders/{done}", "/orders/W0404"),
    "holly": ("/hotline",),
    "carl": ("/crew",),
    "cleo": ("/crew",),
    "mona": (f"/manager?{WEEK}", f"/manager/orders?{WEEK}"),
    "ada": (
        "/admin", "/admin/people", "/admin/organisation", "/admin/devices", "/admin/duties", "/admin/outages",
        "/admin/territories", "/admin/process", "/admin/lists", "/admin/trail", "/alerts", "/devices",
        "/devices/t-E1", "/setup", "/password",
    ),
}  # fmt: skip
"""Every page, with who looks at it; `{late}` and `{done}` are orders of the evening."""


@dataclass
class Evening:
    """The running installation, and orders to look at: one late, one repaired and waiting for its caller."""

    centre: Served
    late: str
    done: str

    def pages(self) -> Iterator[tuple[str, str]]:
        """Username (empty: nobody) and path of every page."""
        for username, paths in PAGES.items():
            for path in paths:
                yield username, path.format(late=self.late, done=self.done)


@contextmanager
def busy_evening(folder: Path) -> Iterator[Evening]:
    """A running installation late in the evening."""
    with served(folder) as centre:
        yield _Story(centre).told()


class _Story:
    def __init__(self, centre: Served) -> None:
        self.centre = centre
        self.context, self.clock = centre.place.context, centre.place.clock
        self.chance = Random(45)

    def told(self) -> Evening:
        self._last_week()
        done = self._repaired("3 Harbour Lane")
        late = self._stack_of_the_first_crew()
        self._incident()
        self._refused_and_recalled()
        self._beside_the_orders()
        for crew, north, east in (("E1", 0.004, -0.01), ("E2", -0.012, 0.018), ("W1", 0.0, -0.1)):
            self.centre.place.put_fix(crew, EAST[0] + north, EAST[1] + east)
        return Evening(self.centre, late, done)

    def _last_week(self) -> None:
        """Orders of the days before, which the manager's figures are of."""
        chance = self.chance
        orders = []
        for number in range(WEEK_OF_ORDERS):
            order = random_order(number, chance)
            if order.state not in {"closed", "cancelled"} and number != STILL_OPEN:
                continue
            place = Point(EAST[0] + chance.gauss(0, 0.02), EAST[1] + chance.gauss(0, 0.03))
            orders.append(replace(order, facts=replace(order.facts, place=place)))
        self.centre.do(keep(self.centre.place.store, *orders))
        self.clock.advance(86_400)
        self.centre.measure()

    def _order(
        self, address: str, north: float = 0.0, east: float = 0.0, *, said: str = "", send: bool = True
    ) -> str:
        call = hotline.Call(
            "phone", address, "no_supply", "lv", place=Point(EAST[0] + north, EAST[1] + east),
            customer_name="Chen Lan 陈岚", customer_phone=f"+86138{self.chance.randrange(10**8):08}",
            description=said,
        )  # fmt: skip
        order_id = self.centre.do(hotline.take_call(self.context, call, by=HOLLY)).order_id
        if send:
            self.clock.advance(20)
            self.centre.do(hotline.send(self.context, order_id, by=HOLLY))
            self.centre.centre_receives(order_id)
        return str(order_id)

    def _to(self, order_id: str, crew_id: str, *steps: str) -> None:
        crew = self.context.directory.crews[crew_id]
        self.centre.do(dispatcher.dispatch(self.context, order_id, crew_id=crew_id, by=DORA))
        self.centre.do(
            duty.receipt(
                self.context, order_id, crew=crew, by=Actor("device", f"t-{crew_id}"), at=self.clock.now(),
                generation=1, link="online", via="terminal",
            )
        )  # fmt: skip
        for step in steps:
            self.clock.advance(45)
            self.centre.do(duty.step(self.context, order_id, step, crew=crew))

    def _repaired(self, address: str) -> str:
        """An order from call to repair, with the way of the vehicle; the caller waits to be called back."""
        order_id = self._order(address, 0.01, 0.005, said="the whole house is dark")
        self._to(order_id, "E1", "acknowledge", "depart")
        begun = self.clock.now().timestamp()
        fixes = [
            Fix(EAST[0] + n * 0.00017, EAST[1] - 0.03 + n * 0.0006, begun + 10 * n, begun + 10 * n, speed_mps=9.0)
            for n in range(60)
        ]  # fmt: skip
        kept = [
            Kept(f"{n}-0", 0, "t-E1", fix, "ok", fix.fix_time, 90.0 * n, True) for n, fix in enumerate(fixes)
        ]
        self.centre.do(self.centre.place.store.write(lambda c: history.store(c, kept)))
        self.clock.advance(600)
        crew = self.context.directory.crews["E1"]
        for step in ("arrive", "restore"):
            self.centre.do(duty.step(self.context, order_id, step, crew=crew))
        return order_id

    def _stack_of_the_first_crew(self) -> str:
        """One late and on the road, one behind it."""
        late = self._order("12 Harbour Road, staircase B, third floor", said="a child is on oxygen")
        self._order("40 Far Lane, behind the old brewery and the railway bridge", -0.02, -0.02)
        self.clock.advance(1500)
        self.centre.do(clocks.fire_due(self.context))
        self._to(late, "E1", "acknowledge", "depart")
        self.clock.advance(1300)
        self._to(self._order("9 Quay Street", 0.02, -0.015), "E1", "acknowledge")
        self.centre.do(clocks.fire_due(self.context))
        return late

    def _incident(self) -> None:
        one, other = self._order("7 Mill Way", -0.015, 0.02), self._order("11 Mill Way", -0.0145, 0.0205)
        self.centre.do(incidents.group(self.context, [one, other], by=DORA))
        away, crew = self.clock.now() + timedelta(hours=6), self.context.directory.crews["W1"]
        self.centre.do(duty.go_away(self.context, crew, until=away, reason="fuel", ask=True))
        self._to(one, "E2", "acknowledge", "depart")

    def _refused_and_recalled(self) -> None:
        """One order is taken back while its crew's terminals still show it; two calls were not sent yet."""
        recalled = self._order("88 Long Street of the Eastern Villages", -0.03, -0.025)
        self._to(recalled, "E2")
        self.centre.do(dispatcher.recall(self.context, recalled, reason="nearer_crew", by=DORA))
        self._order("5 Station Square", 0.025, 0.02)
        self._order("1 Dock Street", 0.03, -0.03, send=False)
        self._order("2 Dock Street", 0.0301, -0.0302, send=False)

    def _beside_the_orders(self) -> None:
        """Planned outages, a crew that asks to be away, shortages, alerts; terminals, one of them unknown."""
        now, store = self.clock.now().replace(second=0, microsecond=0), self.centre.place.store
        planned = [
            PlannedOutage("PO-7", now - timedelta(hours=1), now + timedelta(hours=2), "Transformer exchange", addresses=("3 Hill Lane",)),
            PlannedOutage("PO-6", now + timedelta(hours=30), now + timedelta(hours=31), "Meter exchange", territory="east-land", called_off_at=now),
            PlannedOutage("PO-8", now + timedelta(hours=20), now + timedelta(hours=22), "Line work", territory="east-land"),
        ]  # fmt: skip
        self.centre.do(store.write(lambda c: outages.put(c, planned)))
        rule = Rule(timedelta(minutes=1), timedelta(hours=12), 1, 1, timedelta(minutes=30))
        self.centre.do(shortage.observe(self.context, rule))
        self.centre.do(shortage.report(self.context, SqlShortages(store), rule))
        roles: tuple[tuple[str, dict[str, str]], ...] = (
            ("hotline", {}), ("manager", {}), ("crew", {"crew_id": "E1"}),
        )  # fmt: skip
        for role, facts in roles:
            told = alert(
                key=f"evening/{role}", role=role, code="promise_missed", due=now, centre_id="east", **facts
            )  # fmt: skip
            self._tell(told)
        self.centre.do(store.write(lambda c: c.execute(_NOBODY_HEARD)))
        for number, device in enumerate(("t-E1", "p-E1", "t-E2")):
            self.centre.devices.put(device, online=number != 2, rejected=3 * number)

    def _tell(self, told: Outgoing) -> None:
        self.centre.do(self.context.store.transact(lambda _, now: Changes(None, outgoing=(told,))))


_NOBODY_HEARD = (
    update(OUTBOX)
    .where(OUTBOX.c.kind == "alert", OUTBOX.c.key.like("evening/%"))
    .values(
        state="dead", outcome="no channel is set up for this role", tries=9, centre_id="east",
        settled_at=OUTBOX.c.first_due,
    )
)  # fmt: skip
