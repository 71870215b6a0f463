"""What runs for ever in a worker: clocks, outbox, matching, tracking, device states.

Each loop is restarted after an error that nobody expected, and the error is said: a chain of escalation never
stops silently. A loop that keeps failing ends the process, which the supervisor starts anew.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection

from dispatch.adapters.redis.inbox import INBOX, Arrival, reader
from dispatch.adapters.redis.last_known import RedisLastKnown
from dispatch.adapters.redis.streams import Entry, StreamConsumer
from dispatch.adapters.sql import history
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import set_fact
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.bootstrap import definitions
from dispatch.bootstrap.audit_trail import Sealer
from dispatch.bootstrap.database import AnyStore
from dispatch.bootstrap.epochs import Epochs
from dispatch.bootstrap.timekeeping import TIME
from dispatch.clock import InstallationClock, real_time
from dispatch.core.errors import Conflict, DispatchError, NotFound, Unavailable
from dispatch.core.shortage import parse_rule
from dispatch.ending import end_if_cancelled
from dispatch.messages import (
    Desired,
    all_shards,
    decode_events,
    decode_positions,
    events_stream,
    positions_stream,
)
from dispatch.services import clocks, delivery, dispatcher, review_letters, shortage
from dispatch.services.context import Context
from dispatch.services.tracking import Tracking, device_event
from dispatch.services.ways_out import Ports

log = logging.getLogger(__name__)
FAILURES = 20
"""Failures in a row after which the process ends."""
POLL = 0.25
"""Real seconds between two looks at the clocks when nothing nudges."""
GATHER = 0.02
"""Real seconds after a look at the clocks until the next one, unless more is due than one look takes."""
HEARTBEAT = "worker"
VIRTUAL = "virtual_time"
MEASURE_EVERY = 5.0
"""Real seconds between two passes over the manager's figures."""


class Nudge:
    """Wakes the loops that wait for work, from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: list[asyncio.Event] = []
        self._others: list[Callable[[], None]] = []

    def also(self, call: Callable[[], None]) -> None:
        """Call this too, in the event loop, at every nudge."""
        self._others.append(call)

    def event(self) -> asyncio.Event:
        """An event that every nudge sets."""
        made = asyncio.Event()
        self._events.append(made)
        return made

    def __call__(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        for event in self._events:
            event.set()
        for call in self._others:
            call()


async def for_ever(name: str, once: Callable[[], Awaitable[None]]) -> None:
    """Call `once` again and again; it waits by itself. Raises after FAILURES errors in a row."""
    failures = 0
    while True:
        end_if_cancelled()
        try:
            await once()
            failures = 0
        except DispatchError as error:
            log.warning("%s: %s", name, error)
            await asyncio.sleep(1.0)
        except (RedisError, OSError) as error:
            log.warning("%s: %s", name, error)
            await asyncio.sleep(1.0)
        except Exception:
            failures += 1
            log.exception("%s failed (%d in a row)", name, failures)
            if failures >= FAILURES:
                raise
            await asyncio.sleep(min(5.0, 0.2 * failures))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    finally:
        event.clear()


async def fire_clocks(context: Context, woken: asyncio.Event) -> None:
    """Decide what is due, then sleep until the next clock is.

    A commit of this process may have armed an earlier one: it wakes. What another process armed, or holds locked,
    is found after POLL at the latest. What falls due within GATHER is decided together.
    """
    try:
        decided = await clocks.decide_due(context)
    except Unavailable as error:
        log.warning("clocks: %s", error)
        await asyncio.sleep(POLL)
        return
    if decided.full:
        return
    await asyncio.sleep(GATHER)
    left = POLL
    if decided.following is not None:
        left = min(POLL, (decided.following - context.clock.now()).total_seconds() / context.speed)
    if left > 0:
        await _wait(woken, left)


class Worker:
    """The loops of one worker process."""

    def __init__(
        self,
        context: Context,
        ports: Ports,
        store: AnyStore,
        positions: AnyStore,
        redis: Redis,
        nudge: Nudge,
        *,
        alone: bool,
    ) -> None:
        self.context = context
        self.ports = ports
        self.store = store
        self.positions = positions
        self.redis = redis
        self.tracking = Tracking(context)
        self._sheets = DaySheets(store, context)
        self._unsent: set[tuple[int, str]] = set()
        self.last_known = RedisLastKnown(redis)
        self.name = "centre" if alone else f"{socket.gethostname()}-{os.getpid()}"
        """Of a reader of streams. Where there can be one worker only, a new one goes on at once where it stopped."""
        self._due, self._calling = nudge.event(), nudge.event()
        self._sending, self._telling, self._posting = nudge.event(), nudge.event(), nudge.event()
        self._cutting = nudge.event()
        self._match_every = 3.0
        self._epochs = Epochs(store, redis, self._all_desired, lambda epoch: setattr(context, "epoch", epoch))
        self.shortage_rule = parse_rule(definitions.shipped_text("shortage.toml"))

    async def run(self, match_every: float) -> None:
        """Everything, until cancelled or broken."""
        self._match_every = match_every
        async with asyncio.TaskGroup() as tasks:
            for name, once in (
                ("clocks", lambda: fire_clocks(self.context, self._due)),
                ("calls", lambda: self._deliver(delivery.CALLS, self._calling)),
                ("cuts", lambda: self._deliver(delivery.CUTS, self._cutting)),
                ("orders", lambda: self._deliver(delivery.ORDERS, self._sending)),
                ("alerts", lambda: self._deliver(delivery.ALERTS, self._telling)),
                ("messages", lambda: self._deliver(delivery.MESSAGES, self._posting)),
                ("matching", self._match),
                ("bound", self._look_again),
                ("away", self._remind),
                ("shortage", self._shortage),
                ("figures", self._measure),
                ("letters of figures", self._review),
                ("heartbeat", self._beat),
                ("desired states", self._confirm),
                ("audit trail", Sealer(self.store).run),
                ("positions", self._consumer(positions_stream, self._on_positions).run),
                ("device events", self._consumer(events_stream, self._on_events).run),
                ("inbox", StreamConsumer(self.redis, [INBOX], self.name, reader(self._on_arrival)).run),
            ):
                tasks.create_task(for_ever(name, once), name=name)

    def _consumer(
        self, stream: Callable[[str], str], handle: Callable[[Sequence[Entry]], Awaitable[None]]
    ) -> StreamConsumer:
        return StreamConsumer(self.redis, [stream(tag) for tag in all_shards()], self.name, handle)

    async def _deliver(self, kinds: Sequence[str], woken: asyncio.Event) -> None:
        if not await delivery.deliver_due(self.context, self.ports, kinds):
            await _wait(woken, POLL)

    async def _match(self) -> None:
        await dispatcher.match_waiting(self.context)
        await self.context.clock.sleep(self._match_every)

    async def _look_again(self) -> None:
        await self.tracking.look_again()
        await asyncio.sleep(0.5)

    async def _remind(self) -> None:
        await clocks.remind_away(self.context)
        await self.context.clock.sleep(10.0)

    async def _shortage(self) -> None:
        await shortage.observe(self.context, self.shortage_rule)
        await shortage.report(self.context, SqlShortages(self.store), self.shortage_rule)
        await self.context.clock.sleep(15.0)

    async def _measure(self) -> None:
        try:
            await self._sheets.catch_up()
        except Conflict as error:  # another worker was quicker with this day: it goes on
            log.debug("figures: %s", error)
        await asyncio.sleep(MEASURE_EVERY)

    async def _review(self) -> None:
        histories = SqlHistories(self.store, self.context)
        await review_letters.send_due(
            self.context, SqlSavedViews(self.store), histories, SqlShortages(self.store), self._unsent
        )
        await asyncio.sleep(MEASURE_EVERY)

    async def _beat(self) -> None:
        """That a worker lives, and where the installation's time stands (to resume after a crash)."""
        source = real_time(self.context.clock)
        virtual = self.context.clock.now().isoformat()

        def beat(connection: Connection) -> None:
            set_fact(connection, HEARTBEAT, source.now().isoformat())
            if isinstance(source, InstallationClock):
                set_fact(connection, TIME, str(source.mark()))
            if self.context.speed != 1.0:
                set_fact(connection, VIRTUAL, virtual)

        await self.store.write(beat)
        await asyncio.sleep(2.0)

    async def _confirm(self) -> None:
        await self._epochs.look()
        await asyncio.sleep(2.0)

    async def _all_desired(self) -> list[Desired]:
        return await delivery.all_desired(self.context)

    async def _on_positions(self, entries: Sequence[Entry]) -> None:
        """Keep every position, move the last known ones, then see what they say about arrivals."""
        places = [
            (f"{stream} {entry_id}", place, one)
            for stream, entry_id, body in entries
            for place, one in enumerate(decode_positions(body))
        ]
        if isinstance(self.positions, PostgresStore):  # there may be other workers
            self.tracking.learn(await self.last_known.of(sorted({one.device for *_, one in places})))
        judged = self.tracking.classify([one for *_, one in places])
        rows = [
            history.row(entry, place, one) for (entry, place, _), one in zip(places, judged.seen, strict=True)
        ]
        await self.positions.write(lambda c: history.store(c, rows))
        await self.last_known.save([judged.known[device] for device in judged.moved])
        self.tracking.believe(judged)
        await self.tracking.follow(judged.seen)

    async def _on_events(self, entries: Sequence[Entry]) -> None:
        for _, _, body in entries:
            for event in decode_events(body):
                await device_event(self.context, event)

    async def _on_arrival(self, arrival: Arrival) -> None:
        try:
            await dispatcher.centre_received(
                self.context,
                arrival.order_id,
                centre_id=arrival.centre_id,
                send=arrival.send,
                tries=arrival.tries,
            )
        except NotFound as error:
            log.warning("inbox: %s", error)


def beat_age(text: str, now: datetime) -> float:
    """Real seconds since a heartbeat; infinite where there was none. `now`: the installation's real time."""
    if not text:
        return float("inf")
    return (now - datetime.fromisoformat(text).astimezone(UTC)).total_seconds()
