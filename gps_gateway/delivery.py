"""Brings every connected terminal to its desired state, and reports receipts and presses (D4).

A revision arrives by the channel `wake` or, should that be lost, by the sweep. One lock a device keeps its
steps in order, also across a reconnection. Serials are durable before they are sent, receipts and
presses before they count.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from math import inf
from typing import Literal
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import WAKE_CHANNEL, Shown, ShownOrder
from dispatch.messages import Receipt as ReceiptEvent
from gps_gateway.codec import (
    Action,
    Ask,
    OrderCodec,
    Pressed,
    Receipt,
    Ref,
    SetButtons,
)
from gps_gateway.downlink import PROGRESS, blank, find, outdated, plan, progressed, receipted, sent
from gps_gateway.line import Line, Outstanding, meaning, press_of, question_of, silence
from gps_gateway.publisher import Publisher
from gps_gateway.store import Store

log = logging.getLogger(__name__)

RESENDS = 3
"""After T, 2T and 4T; then nothing more is sent until the terminal connects again (2013: 6.2)."""

Outcome = Literal["stored", "unknown", "withheld"]


class Delivery:
    """All lines of this gateway. `resend_after` and `sweep_every` are real seconds."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        clock: Clock,
        *,
        resend_after: float = 5.0,
        sweep_every: float = 3.0,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._resend_after = resend_after
        self._sweep_every = sweep_every
        self._lines: dict[str, Line] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._confirmed = False
        """Whether there was an epoch when it was last asked for."""

    def attach(self, device: str, codec: OrderCodec, write: Callable[[list[bytes]], None]) -> Line:
        """A terminal has authenticated: bring it to its desired state now."""
        line = Line(device, codec, write)
        self._lines[device] = line
        self._start(self.bring(line))
        return line

    def detach(self, line: Line) -> None:
        """Its connection is gone; what waits for Redis goes on."""
        line.closed = True
        if self._lines.get(line.device) is line:
            del self._lines[line.device]

    def _lock(self, line: Line) -> asyncio.Lock:
        """One a device, while somebody holds or awaits it."""
        return self._locks.setdefault(line.device, asyncio.Lock())

    async def bring(self, line: Line) -> None:
        """Send what is missing. When Redis is away, the sweep comes back to it."""
        async with self._lock(line):
            line.brought = False
            try:
                await self._bring(line)
            except (RedisError, OSError) as error:
                log.info("%s not brought to its desired state: %s", line.device, error)
            except (
                Exception
            ):  # a bug of ours: it must not end the sweep, which brings the others their orders
                log.exception("%s not brought to its desired state", line.device)

    async def _bring(self, line: Line) -> None:
        epoch = await self._store.epoch()
        self._confirmed = epoch is not None
        found = await self._store.desired([line.device])
        await self._load(line)
        if line.closed or not found or found[0].epoch != epoch:
            return
        desired = found[0]
        shown = line.shown or blank(desired, self._clock.now().timestamp())
        if outdated(desired, shown):
            self.counts["older revision"] += 1
            return
        planned = plan(desired, shown, line.online)
        await self._keep(line, planned.shown)
        if not line.closed:
            settled = self._send(line, planned.actions)
            line.brought = True
            for ref, action in settled:
                await self._settle(line, ref, action)
            await self._report_settled(line)

    async def receipt(self, line: Line, event: Receipt) -> None:
        """The terminal has one of our messages."""
        async with self._lock(line):
            outstanding = line.waiting.get(event.answers)
            if outstanding is None:
                self.counts["receipt of nothing"] += 1
            elif event.ok or (event.unsupported and isinstance(outstanding.action, SetButtons)):
                await self._settle(line, event.answers, outstanding.action)
            else:
                outstanding.due = inf
                self.counts["refused by terminal"] += 1
                log.warning("%s refuses message %#06x", line.device, event.answers[0])
                await self._report_missed(line, outstanding)

    async def press(self, line: Line, event: Pressed) -> Outcome:
        """A crew's press, durable when this gives `stored`; `unknown`: it means no order of ours."""
        async with self._lock(line):
            try:
                await self._load(line)
            except (RedisError, OSError):
                return "withheld"
            meant = meaning(line.shown, event)
            if meant is None:
                self.counts["press of nothing"] += 1
                return "unknown"
            order, action = meant
            if order.state == "sent":
                await self._settle_question(line, order)
            press = press_of(event, order, action, self._clock.now().timestamp())
            if not await self._publisher.event_stored(press):
                return "withheld"
            await self._keep_progress(line, order, PROGRESS[action])
            return "stored"

    async def _keep_progress(self, line: Line, order: ShownOrder, progress: str) -> None:
        """For whoever looks at the device: nothing is decided by it, so that it may be kept later."""
        if line.shown is None:
            return
        line.shown = progressed(line.shown, order, progress)
        try:
            await self._keep(line, line.shown)
        except (RedisError, OSError):
            line.brought = False

    async def _settle_question(self, line: Line, order: ShownOrder) -> None:
        """Who answers a question has it, whether or not its receipt was lost."""
        for ref, outstanding in list(line.waiting.items()):
            if isinstance(outstanding.action, Ask) and outstanding.action.serial == order.serial:
                await self._settle(line, ref, outstanding.action)

    async def _settle(self, line: Line, ref: Ref, action: Action) -> None:
        """Publish what a receipt proves, then keep it. Without room it stays outstanding."""
        if line.shown is None:
            return
        outstanding = line.waiting.get(ref)
        said = outstanding is None or bool(outstanding.frames)
        shown, receipts = receipted(line.shown, line.online, action, said=said)
        for order, what in receipts:
            at = self._clock.now().timestamp()
            event = ReceiptEvent(line.device, order.order_id, order.version, what, at)
            if not await self._publisher.event_stored(event):
                return
        line.waiting.pop(ref, None)
        line.shown = shown
        try:
            await self._keep(line, shown)
        except (RedisError, OSError):
            line.brought = False
        await self._report_settled(line)
        if any(what == "removed" for _, what in receipts):
            self._start(self.bring(line))

    async def _report_settled(self, line: Line) -> None:
        """The terminal shows just what it should, as of a revision: what was recalled before it was ever sent
        is provably not there. Said once a revision; when it cannot be stored, the sweep comes back to it."""
        shown = line.shown
        if shown is None or not line.unsaid:
            return
        at = self._clock.now().timestamp()
        if await self._publisher.event_stored(ReceiptEvent(line.device, "", shown.revision, "settled", at)):
            line.settled = (shown.epoch, shown.revision)

    async def _load(self, line: Line) -> None:
        if not line.loaded:
            line.shown = line.kept = await self._store.shown(line.device)
            line.loaded = True

    async def _keep(self, line: Line, shown: Shown) -> None:
        if shown != line.kept:
            await self._store.keep_shown(shown)
            line.kept = shown
        line.shown = shown

    def _send(self, line: Line, actions: list[Action]) -> list[tuple[Ref, Action]]:
        """Those that there is nothing to send for: they are settled at once."""
        now = SystemClock.monotonic()
        settled: list[tuple[Ref, Action]] = []
        for action in actions:
            silence(line, action)
            ref, frames = line.codec.order(line.device, action)
            line.waiting[ref] = Outstanding(action, frames, now + self._resend_after)
            line.write(frames)
            if not frames:
                settled.append((ref, action))
        sent(line.online, actions)
        return settled

    @property
    def parts(self) -> tuple[Callable[[], Coroutine[None, None, None]], ...]:
        """What runs until cancelled: wake, sweep, resend."""
        return self._listen, self._sweep_forever, self._resend_forever

    @property
    def under_way(self) -> set[asyncio.Task[None]]:
        """Lines that are being brought to their desired state just now."""
        return self._tasks

    async def _listen(self) -> None:
        while True:
            try:
                async with self._store.redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(WAKE_CHANNEL)
                    while True:
                        message = await channel.get_message(timeout=1.0)
                        if message is not None:
                            self._woken(message["data"])
            except (RedisError, OSError) as error:
                log.debug("not listening for wakes: %s", error)
            await SystemClock().sleep(0.5)

    def _woken(self, data: bytes) -> None:
        line = self._lines.get(data.decode("utf-8", "replace"))
        if line is not None:
            self._start(self.bring(line))

    async def _sweep_forever(self) -> None:
        while True:
            await SystemClock().sleep(self._sweep_every)
            try:
                await self._sweep()
            except (RedisError, OSError) as error:
                log.debug("desired states not swept: %s", error)

    async def _sweep(self) -> None:
        epoch = await self._store.epoch()
        self._confirmed = epoch is not None
        if epoch is None or not self._lines:
            return
        for desired in await self._store.desired(list(self._lines)):
            line = self._lines.get(desired.device)
            if line is None or desired.epoch != epoch:
                continue
            shown = line.shown
            there = shown and (shown.epoch, shown.revision) == (desired.epoch, desired.revision)
            if line.unsaid or not (there and line.brought):
                await self.bring(line)

    async def _resend_forever(self) -> None:
        while True:
            await SystemClock().sleep(self._resend_after / 5)
            if self._confirmed:
                now = SystemClock.monotonic()
                for line in list(self._lines.values()):
                    for outstanding in line.waiting.values():
                        if outstanding.due <= now:
                            self._resend(line, outstanding, now)

    def _resend(self, line: Line, outstanding: Outstanding, now: float) -> None:
        if outstanding.tries == RESENDS:
            outstanding.due = now + self._resend_after
            self._start(self._give_up(line, outstanding))
            return
        outstanding.tries += 1
        outstanding.due = now + self._resend_after * 2**outstanding.tries
        self.counts["resent"] += 1
        line.write(outstanding.frames)

    async def _give_up(self, line: Line, outstanding: Outstanding) -> None:
        """It was sent as often as it is sent on one connection: the centre is told, once."""
        async with self._lock(line):
            if outstanding.due == inf or outstanding not in line.waiting.values():
                return
            if await self._report_missed(line, outstanding):
                outstanding.due = inf
                self.counts["given up"] += 1
                log.warning("%s does not receipt %s", line.device, outstanding.action)

    async def _report_missed(self, line: Line, outstanding: Outstanding) -> bool:
        """An order, or its recall, is not confirmed: False where that cannot be stored now."""
        action = outstanding.action
        order = (
            None
            if line.shown is None or isinstance(action, SetButtons)
            else find(line.shown, question_of(action))
        )
        if order is None or isinstance(action, SetButtons):
            return True
        what = "unreceipted" if isinstance(action, Ask) else "recall_unreceipted"
        at = self._clock.now().timestamp()
        event = ReceiptEvent(line.device, order.order_id, order.version, what, at)
        if not await self._publisher.event_stored(event):
            return False
        if isinstance(action, Ask):
            await self._keep_progress(line, order, "expired")
        return True

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
