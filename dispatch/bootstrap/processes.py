"""The processes: `centre` (all in one, on SQLite), or `web` and `worker` apart (on PostgreSQL)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable

import click
from redis.exceptions import RedisError

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.adapters.redis.last_known import RedisLastKnown
from dispatch.adapters.sql.retention import Retention
from dispatch.adapters.sql.tracks import SqlTracks
from dispatch.bootstrap import definitions
from dispatch.bootstrap.build import Built, build, refresh_directory
from dispatch.bootstrap.loops import Worker, for_ever
from dispatch.bootstrap.timekeeping import LISTEN, listen
from dispatch.collector import let_batches_live
from dispatch.core.errors import BadInput, DispatchError
from dispatch.core.hop import learn
from dispatch.core.position import LastKnown
from dispatch.services.delivery import all_desired
from dispatch.settings import Settings, from_environment

log = logging.getLogger(__name__)
Part = Callable[[Built], Awaitable[None]]
FIX_REFRESH = 1.0
LOOK_EVERY = 5.0
"""Real seconds between two looks whether the organisation or the process has changed."""


@click.command()
def centre() -> None:
    """Web, worker and tracking in one process (the embedded default)."""
    from dispatch.bootstrap.web import serve

    _run(serve, _work, _keep_time)


@click.command()
def web() -> None:
    """The pages, the API and the live feed; needs PostgreSQL and a worker beside it."""
    from dispatch.bootstrap.web import serve

    _run(serve, _follow_fixes, _keep_time)


@click.command()
def worker() -> None:
    """Clocks, escalation, outbox, matching and tracking; any number of them on PostgreSQL."""
    _run(_work, _keep_time)


def _run(*parts: Part) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_live(from_environment(), parts))


async def _live(settings: Settings, parts: tuple[Part, ...]) -> None:
    """Until SIGTERM or SIGINT, or until a part breaks."""
    if not settings.redis_url:
        raise BadInput("REDIS_URL is not set: start everything with `dispatch45 up`, or give the address")
    built = await build(settings)
    let_batches_live()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(_part(part, built)) for part in parts]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
        await built.close()


async def _part(part: Part, built: Built) -> None:
    await part(built)


async def _work(built: Built) -> None:
    for fix in await _known_fixes(built):
        built.context.fixes.put(fix)
    worker_ = Worker(
        built.context, built.ports, built.store, built.positions, built.redis, built.nudge,
        alone=not built.settings.database_url,
    )  # fmt: skip
    if built.settings.keep_positions_days < 0:
        raise BadInput("DISPATCH45_KEEP_POSITIONS_DAYS: expected days, or 0 to keep positions for ever")
    retention = Retention(built.context, built.store, built.positions, built.settings.keep_positions_days)
    with contextlib.suppress(DispatchError):
        await _learn_links(built)  # before the first receipt
    await asyncio.gather(
        worker_.run(built.settings.match_every), _keep_directory(built), _follow_links(built),
        for_ever("retention", retention.once),
    )  # fmt: skip


async def _keep_time(built: Built) -> None:
    """Hear the database's clock, and which epoch counts."""

    async def once() -> None:
        built.context.epoch = (await listen(built.store, built.real)).epoch
        await asyncio.sleep(LISTEN)

    await for_ever("time", once)


async def _keep_directory(built: Built) -> None:
    """Take in what administrators change; a new device gets its (empty) desired state, or it stays unknown.

    In the embedded installation the page that changed it shares our context: what counts is what was written.
    """
    written = built.context.directory

    async def once() -> None:
        nonlocal written
        await built.store.read(lambda c: definitions.refresh(c, built.context.processes))
        await refresh_directory(built)
        if (directory := built.context.directory) != written:
            for desired in await all_desired(built.context):
                await built.ports.devices.write_desired(desired)
            written = directory
        await asyncio.sleep(LOOK_EVERY)

    await for_ever("directory", once)


async def _known_fixes(built: Built) -> list[LastKnown]:
    """Where everybody was when the last worker stopped; of whom Redis knows nothing, by the history."""
    known: list[LastKnown] = []
    with contextlib.suppress(RedisError, OSError):
        known = await RedisLastKnown(built.redis).load()
    missing = {d.id for crew in built.context.directory.crews.values() for d in crew.devices}
    missing -= {one.device for one in known}
    return [*known, *await SqlTracks(built.positions).newest(sorted(missing))]


async def _follow_fixes(built: Built) -> None:
    """A web process of its own learns positions from Redis."""
    known = RedisLastKnown(built.redis)

    async def once() -> None:
        for fix in await known.load():
            built.context.fixes.put(fix)
        await asyncio.sleep(FIX_REFRESH)

    await asyncio.gather(for_ever("positions", once), _keep_directory(built), _follow_links(built))


async def _follow_links(built: Built) -> None:
    """Which devices are on the line, also those whose events another worker reads."""

    async def once() -> None:
        await _learn_links(built)
        await asyncio.sleep(LOOK_EVERY)

    await for_ever("links", once)


async def _learn_links(built: Built) -> None:
    now = built.context.clock.now().timestamp()
    learn(built.context.links, await RedisDeviceWindow(built.redis).links(now))
