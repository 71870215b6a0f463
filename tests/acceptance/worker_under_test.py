"""A worker process that can be killed at any of its crossings between memory, database and the world outside.

Started once; for each line of JSON on its standard input it forks a worker, which runs the clocks and the outbox
at the given instants and ends when nothing is due. With `kill` = n the n-th crossing is its last: SIGKILL, as a
power cut would. The answer is one line: how it ended. Every crossing is appended to the file `trace`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any

import httpx

from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.adapters.sql import sqlite, statements
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.postgres import PostgresStore
from dispatch.adapters.sql.sqlite import SqliteStore
from dispatch.bootstrap.database import open_store, sqlite_file
from dispatch.clock import VirtualClock
from dispatch.core.errors import Unavailable
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.messages import Desired
from dispatch.services import clocks, delivery
from dispatch.services.context import Context
from dispatch.services.ways_out import Ports
from dispatch.settings import Settings
from tests.dispatch.centre import PROCESSES, CountedIds


class Crossings:
    """Counts crossings, writes them down, and dies at one of them."""

    def __init__(self, trace: Path, kill: int) -> None:
        self._trace = trace.open("a", encoding="utf-8")
        self._kill, self._count = kill, 0
        self._one = threading.Lock()

    def cross(self, name: str) -> None:
        with self._one:
            self._count += 1
            print(name, file=self._trace, flush=True)
            if self._count == self._kill:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, target: object, name: str) -> None:
        """Cross before and after a method."""
        method = getattr(target, name)

        @wraps(method)
        async def crossing(*args: Any, **named: Any) -> Any:
            self.cross(f"before {name}")
            result = await method(*args, **named)
            self.cross(f"after {name}")
            return result

        setattr(target, name, crossing)

    def inside_the_transaction(self) -> None:
        """Cross when everything is written and nothing committed."""
        write = statements.write

        def crossing(*args: Any, **named: Any) -> None:
            write(*args, **named)
            self.cross("written, not committed")

        statements.write = crossing


class Outside:
    """Inbox, devices and alerts, over HTTP to whoever watches."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, verify=False)

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        await self._post("inbox", {"centre_id": centre_id, "order_id": order_id, "send": send})

    async def write_desired(self, desired: Desired) -> None:
        orders = [o.order_id for o in desired.orders]
        await self._post(
            "desired", {"device": desired.device, "revision": desired.revision, "orders": orders}
        )

    async def send(self, url: str, title: str, body: str) -> str:
        await self._post("alert", {"role": url.removeprefix("test://"), "title": title})
        return "told"

    async def _post(self, what: str, body: dict[str, object]) -> None:
        try:
            (await self._client.post(f"/{what}", json=body)).raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable(repr(error)) from error

    async def close(self) -> None:
        await self._client.aclose()


@cache
def ways_out(url: str) -> tuple[Outside, RestPhone]:
    """Made before the fork: loading certificates takes longer than a worker's life."""
    return Outside(url), RestPhone(url, "secret", "http://127.0.0.1/unused")


def opened(settings: Settings, clock: VirtualClock) -> SqliteStore | PostgresStore:
    """The store of a worker. What a killed process wrote the system still has: the disk need not be waited for."""
    if settings.database_url:
        return open_store(settings, PROCESSES, clock)
    return SqliteStore(sqlite.open_engine(sqlite_file(settings), durable=False), PROCESSES, clock)


async def work(order: dict[str, Any]) -> None:
    """One worker's life."""
    settings = Settings(data=Path(order["data"]), database_url=order["database_url"])
    clock = VirtualClock(datetime.fromisoformat(order["instants"][0]))
    crossings = Crossings(Path(order["trace"]), order["kill"])
    crossings.inside_the_transaction()
    store = opened(settings, clock)
    directory = await store.read(load_directory)
    outside, phone = (
        Outside(order["outside"]),
        RestPhone(order["outside"], "secret", "http://127.0.0.1/unused"),
    )
    for target, names in (
        (store, ("transact", "decide_due", "lease", "settle")),
        (outside, ("deliver", "write_desired", "send")),
        (phone, ("ring", "hang_up")),
    ):
        for name in names:
            crossings.around(target, name)
    context = Context(
        store=store, clock=clock, processes=PROCESSES, directory=directory, territories=Territories([]),
        rules=Rules(()), travel=None, ids=CountedIds(), policy="manual", language="en",  # type: ignore[arg-type]
    )  # fmt: skip
    for instant in order["instants"]:
        clock.advance_to(datetime.fromisoformat(instant))
        while await clocks.fire_due(context) + await delivery.deliver_due(
            context, Ports(outside, outside, phone, outside)
        ):
            pass
    await phone.close()
    await outside.close()
    closing = store.close()
    if closing is not None:
        await closing


def in_a_child(run: Callable[[], None]) -> int:
    """Fork, run, and say how it ended: 0, 1, or minus the signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """Until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        ways_out(order["outside"])
        ended = in_a_child(lambda order=order: asyncio.run(work(order)))  # type: ignore[misc]
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
