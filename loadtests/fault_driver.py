"""A driver of the fault run: hotline, dispatchers, crews and terminals of its orders, through the real use cases.

Each order has a plan, drawn from its number. Most are with the hotline: it answers them at an instant around its watch's
first rung, or after it. Others are sent and dispatched: the crew acknowledges on its page, soon or at an instant around
the first rung; or nobody does anything until the telephone has been answered; or nobody answers at all; or the centre
itself never dispatches it. What a use case has confirmed is written to a ledger, line by line, before anything
else happens: it has to be in the database at the end, whatever was killed.
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from redis.exceptions import RedisError

from dispatch.bootstrap.build import Built, build
from dispatch.clock import SystemClock
from dispatch.core.errors import TRANSIENT, DispatchError
from dispatch.core.types import Actor
from dispatch.core.work_order import WorkOrder
from dispatch.messages import DeviceEvent, Receipt, encode, events_stream, shard
from dispatch.services import crew as crews
from dispatch.services import dispatcher, hotline
from dispatch.services.hotline import Call
from dispatch.settings import from_environment
from loadtests.fault_board import FIRST_DRIVER, GATE, Board
from loadtests.fault_town import ANSWERING, crew_ids, place

T = TypeVar("T")
Plan = Literal["desk", "soon", "race", "telephone", "never", "centre"]
HOLLY, DORA = Actor("hotline", "holly"), Actor("dispatcher", "dora")
PLANS: dict[Plan, int] = {"desk": 88, "soon": 6, "race": 2, "telephone": 2, "never": 1, "centre": 1}
"""Of a hundred orders: not even sent; acknowledged soon, or around the first rung; by telephone only; never; not dispatched."""
WATCH = 240.0
"""Seconds on the installation's clock until the first rung of the hotline, a centre or a crew, by the shipped process."""
CHAIN = {"telephone": 420.0, "never": 450.0, "centre": 390.0, "desk": 450.0}
"""Seconds after which an order of the plan is taken from the board: after its last rung."""


STAYS = {"soon", "race"}
"""Plans whose last orders stay open, acknowledged: their clocks have to be there, and nobody is rung for ever."""


class Job(msgspec.Struct, frozen=True):
    """A driver's part: `count` orders of the numbers `number`, `number + drivers`..., `at_once` of them under way."""

    number: int
    drivers: int
    count: int
    at_once: int
    centres: int
    left_open: int
    """Of its last orders so many stay open, if their plan is one of STAYS."""
    seed: int
    ledger: str
    board: str


class Line(msgspec.Struct, frozen=True):
    """What was confirmed. `step`: `taken`, or the step; `key`: its idempotency key, or the contact's id."""

    order: str
    step: str
    key: str
    plan: Plan


class Driver:
    """Its orders, each a task."""

    def __init__(self, job: Job, built: Built) -> None:
        self.job, self._redis = job, built.redis
        self.context = built.context
        self._ledger = Path(job.ledger).open("ab", buffering=0)  # noqa: SIM115 - closed by `run`
        self._board = Board(Path(job.board))
        self._done = 0

    async def run(self) -> None:
        """All of them, `at_once` at the same time; a centre's orders come one after the other."""
        numbers = iter(
            range(self.job.number, self.job.number + self.job.count * self.job.drivers, self.job.drivers)
        )

        async def work(delay: float) -> None:
            await asyncio.sleep(delay)
            for number in numbers:
                while number >= self._board.get(GATE):  # noqa: ASYNC110 - another process opens it
                    await asyncio.sleep(0.2)
                await self._live(number)
                self._done += 1
                self._board.put(FIRST_DRIVER + self.job.number, self._done)

        async with asyncio.TaskGroup() as tasks:
            for n in range(self.job.at_once):
                tasks.create_task(work(n * 10.0 / self.job.at_once))
        self._ledger.close()

    async def _live(self, number: int) -> None:
        luck = random.Random(self.job.seed * 1_000_003 + number)
        plan = luck.choices(list(PLANS), list(PLANS.values()))[0]
        centre = number % self.job.centres
        call = Call(
            channel="phone", address=f"{number} Long Street", fault_type="meter", voltage="lv",
            place=place(centre, number // self.job.centres), customer_phone=f"+869{number}", id=f"C{number}",
        )  # fmt: skip
        taken = await self._surely(lambda: hotline.take_call(self.context, call, by=HOLLY))
        assert taken is not None
        self._confirm(taken.order_id, "taken", call.id, plan)
        order_id = taken.order_id
        if plan == "desk":
            await self._at_the_desk(order_id, plan, luck)
            return
        await self._take(
            order_id, "send", plan, lambda key: hotline.send(self.context, order_id, by=HOLLY, key=key)
        )
        if plan == "centre":
            await self.context.clock.sleep(CHAIN[plan])
        else:
            await self._at_the_crew(order_id, centre, plan, luck)
        if plan in STAYS and number >= self.job.drivers * (self.job.count - self.job.left_open):
            return
        await self._cancel(order_id, plan)

    async def _at_the_desk(self, order_id: str, plan: Plan, luck: random.Random) -> None:
        """The hotline answers around its first rung, mostly a little earlier or later than that is decided."""
        after = (
            CHAIN[plan]
            if luck.random() < 0.1
            else WATCH * luck.choice((0.999, 1.001, luck.uniform(0.9, 1.2)))
        )
        await self.context.clock.sleep(after)
        await self._cancel(order_id, plan)

    async def _cancel(self, order_id: str, plan: Plan) -> None:
        await self._take(
            order_id, "cancel", plan,
            lambda key: hotline.cancel(self.context, order_id, reason="customer_withdrew", by=HOLLY, key=key),
        )  # fmt: skip

    async def _at_the_crew(self, order_id: str, centre: int, plan: Plan, luck: random.Random) -> None:
        names = crew_ids(centre)
        crew_id = (
            next(c for c in names if c.endswith(f"-{ANSWERING}"))
            if plan == "telephone"
            else luck.choice(names)
        )
        if plan == "never":
            crew_id = luck.choice([c for c in names if not c.endswith(f"-{ANSWERING}")])
        order = await self._take(
            order_id, "dispatch", plan,
            lambda key: dispatcher.dispatch(self.context, order_id, crew_id=crew_id, by=DORA, key=key),
        )  # fmt: skip
        if order is None:
            return
        await self._receipt(f"t-{crew_id}", order, "delivered")
        if plan in CHAIN:
            await self.context.clock.sleep(CHAIN[plan])
            return
        await self.context.clock.sleep(
            WATCH * luck.uniform(*((0.1, 0.48) if plan == "soon" else (0.98, 1.06)))
        )
        crew = self.context.directory.crews[crew_id]
        await self._take(
            order_id, "acknowledge", plan,
            lambda key: crews.step(self.context, order_id, "acknowledge", crew=crew, key=key, generation=1),
        )  # fmt: skip

    async def _receipt(self, device: str, order: WorkOrder, what: str) -> None:
        """As a gateway appends it."""
        at = self.context.clock.timestamp()
        events: Sequence[DeviceEvent] = [Receipt(device, order.facts.id, order.generation, what, at)]
        while True:
            try:
                await self._redis.xadd(events_stream(shard(device)), {b"b": encode(events)})
            except (RedisError, OSError):
                await asyncio.sleep(0.2)
            else:
                return

    async def _take(
        self, order_id: str, step: str, plan: Plan, doing: Callable[[str], Awaitable[WorkOrder]]
    ) -> WorkOrder | None:
        key = f"{order_id}/{step}"
        order = await self._surely(lambda: doing(key))
        if order is not None:
            self._confirm(order_id, step, key, plan)
            for device in order.removing if step == "cancel" else ():
                await self._receipt(device, order, "removed")
        return order

    async def _surely(self, doing: Callable[[], Awaitable[T]]) -> T | None:
        """Again while a part is away, as a page does with its key; None where the step is not possible any more."""
        while True:
            try:
                return await doing()
            except TRANSIENT:
                await asyncio.sleep(0.2)
            except DispatchError:
                return None

    def _confirm(self, order_id: str, step: str, key: str, plan: Plan) -> None:
        self._ledger.write(msgspec.json.encode(Line(order_id, step, key, plan)) + b"\n")


async def main() -> None:
    """The job is the first argument."""
    gc.set_threshold(50_000, 20, 100)  # a thousand orders are looked through for nothing
    job = msgspec.json.decode(sys.argv[1], type=Job)
    built = await build(from_environment())
    began = SystemClock.monotonic()
    try:
        await Driver(job, built).run()
    finally:
        await built.close()
    sys.stdout.write(f"{SystemClock.monotonic() - began:.1f}\n")


if __name__ == "__main__":
    asyncio.run(main())
