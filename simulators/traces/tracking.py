"""The centre's side of a trace replay: registers the devices, then judges and stores what the gateway takes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from redis.asyncio import Redis
from sqlalchemy import Connection, select

from dispatch.adapters.redis.devices import EpochKeeper
from dispatch.adapters.redis.streams import Entry, StreamConsumer
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql import history
from dispatch.adapters.sql.history import POSITION
from dispatch.adapters.sql.sqlite import SqliteStore, open_engine
from dispatch.clock import Clock
from dispatch.core.territory import Territories
from dispatch.core.travel import StraightLine
from dispatch.messages import Desired, all_shards, decode_positions, positions_stream
from dispatch.services.context import Context
from dispatch.services.ports import Directory
from dispatch.services.tracking import Tracking
from simulators.outages.edge import SeededIds
from simulators.shipped import shipped_processes, shipped_rules
from simulators.traces.fleet import Key


class TraceCentre:
    """A tracking consumer like the centre's, with a position history of its own."""

    def __init__(self, folder: Path, redis_url: str, clock: Clock) -> None:
        processes = shipped_processes()
        self.history = SqliteStore(open_engine(folder / "positions.sqlite"), processes, clock)
        self._redis = Redis.from_url(redis_url)
        context = Context(
            store=self.history, clock=clock, processes=processes, directory=Directory(),
            territories=Territories([]), rules=shipped_rules(), travel=StraightLine(load_speeds("UTC")),
            ids=SeededIds(), epoch=uuid4().hex,
        )  # fmt: skip
        self._epoch = context.epoch
        self._tracking = Tracking(context)
        self._running: asyncio.Task[None] | None = None
        self.stored = 0
        """Rows written so far."""

    async def open(self, devices: Iterable[str]) -> None:
        """Register the devices under a confirmed epoch (D4), and begin to read the streams."""
        await self.history.write(history.METADATA.create_all)
        desired = [Desired(device, self._epoch, 1) for device in devices]

        async def all_desired() -> list[Desired]:
            return desired

        await EpochKeeper(self._redis, self._epoch, all_desired).keep()
        streams = [positions_stream(tag) for tag in all_shards()]
        self._running = asyncio.create_task(
            StreamConsumer(self._redis, streams, "replay-gps", self._take).run()
        )

    async def _take(self, entries: Sequence[Entry]) -> None:
        rows = []
        for stream, entry_id, body in entries:
            judged = self._tracking.classify(decode_positions(body))
            self._tracking.believe(judged)
            rows += [history.row(f"{stream} {entry_id}", place, one) for place, one in enumerate(judged.seen)]
        await self.history.write(lambda c: history.store(c, rows))
        self.stored += len(rows)

    async def caught_up(self, acknowledged: int, patience: float = 15.0) -> None:
        """Wait until as much is stored as was acknowledged, or nothing has come for `patience` real seconds."""
        seen, idle = -1, 0.0
        while self.stored < acknowledged and idle < patience:
            idle = 0.0 if self.stored != seen else idle + 0.1
            seen = self.stored
            await asyncio.sleep(0.1)

    async def flags(self) -> dict[str, int]:
        """How many stored fixes have each flag."""
        return await self.history.read(history.count)

    async def keys(self) -> Counter[Key]:
        """What is stored, in the terminals' own numbers."""
        return await self.history.read(_keys)

    async def close(self) -> None:
        """Stop reading and give everything back."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._redis.aclose()
        self.history.close()


def _keys(connection: Connection) -> Counter[Key]:
    columns = (POSITION.c.device, POSITION.c.fix_time, POSITION.c.lat, POSITION.c.lon)
    rows = connection.execute(select(*columns))
    return Counter((r[0], round(r[1]), round(r[2] * 1e6), round(r[3] * 1e6)) for r in rows)
