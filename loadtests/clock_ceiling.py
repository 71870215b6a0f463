"""The ceiling of the clock benchmark: claim, move the clock, add an event and an outbox row, in bare SQL."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from dispatch.bootstrap.database import sqlite_file
from dispatch.clock import SystemClock
from loadtests.clock_runs import Place

BATCH = 200
EVENT = (7, "rung", "system", "", "{}")


def bare_drain(place: Place, count: int) -> float:
    """Clocks a second, one connection, on copies of the tables with all their indexes."""
    if place.server is not None:
        return asyncio.run(_postgres(place.server.url, count))
    return _sqlite(place, count)


async def _postgres(url: str, count: int) -> float:
    connection = await asyncpg.connect(url)
    try:
        for name in ("clock", "order_event", "outbox"):
            await connection.execute(f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING ALL)")
        now = SystemClock().now()
        rows = [(f"X{n}", "watch:crew", 1, 0, now - timedelta(milliseconds=count - n)) for n in range(count)]
        await connection.copy_records_to_table("bare_clock", records=rows)
        began = SystemClock.monotonic()
        while await _postgres_batch(connection, now):
            pass
        return count / (SystemClock.monotonic() - began)
    finally:
        for name in ("clock", "order_event", "outbox"):
            await connection.execute(f"DROP TABLE IF EXISTS bare_{name}")
        await connection.close()


async def _postgres_batch(connection: Any, now: Any) -> int:
    async with connection.transaction():
        due = await connection.fetch(
            "SELECT order_id FROM bare_clock WHERE due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED",
            now, BATCH,
        )  # fmt: skip
        ids = [row["order_id"] for row in due]
        await connection.execute(
            "UPDATE bare_clock SET due = $2, rung = rung + 1 WHERE order_id = ANY($1)",
            ids, now + timedelta(hours=1),
        )  # fmt: skip
        seq, kind, role, by, data = EVENT
        await connection.executemany(
            "INSERT INTO bare_order_event (id, order_id, seq, kind, at, recorded_at, by_role, by_id, key, data)"
            " VALUES (nextval('order_event_id_seq'), $1, $2, $3, $4, $4, $5, $6, $1, $7)",
            [(one, seq, kind, now, role, by, data) for one in ids],
        )
        await connection.executemany(
            "INSERT INTO bare_outbox (id, key, kind, target, order_id, centre_id, data, state, due, tries, outcome,"
            " call_id, first_due)"
            " VALUES (nextval('outbox_id_seq'), $1, 'phone', 'crew_duty', $1, 'c1', '{}', 'pending', $2, 0, '', '', $2)",
            [(one, now) for one in ids],
        )
        return len(ids)


def _sqlite(place: Place, count: int) -> float:
    connection = sqlite3.connect(sqlite_file(place.settings), isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare_clock (order_id PRIMARY KEY, due)")
        connection.execute("CREATE INDEX bare_due ON bare_clock (due)")
        connection.execute("CREATE TABLE bare_event (id INTEGER PRIMARY KEY, order_id, seq, kind, at, data)")
        connection.execute(
            "CREATE TABLE bare_outbox (id INTEGER PRIMARY KEY, key UNIQUE, kind, order_id, due, data)"
        )
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO bare_clock VALUES (?, ?)", ((f"X{n}", n) for n in range(count)))
        connection.execute("COMMIT")
        began = SystemClock.monotonic()
        while _sqlite_batch(connection, count):
            pass
        return count / (SystemClock.monotonic() - began)
    finally:
        for name in ("clock", "event", "outbox"):
            connection.execute(f"DROP TABLE IF EXISTS bare_{name}")
        connection.close()


def _sqlite_batch(connection: sqlite3.Connection, now: int) -> int:
    connection.execute("BEGIN IMMEDIATE")
    query = "SELECT order_id FROM bare_clock WHERE due <= ? ORDER BY due LIMIT ?"
    ids = [row[0] for row in connection.execute(query, (now, BATCH))]
    connection.executemany(
        "UPDATE bare_clock SET due = ? WHERE order_id = ?", [(now + 9, one) for one in ids]
    )
    connection.executemany(
        "INSERT INTO bare_event (order_id, seq, kind, at, data) VALUES (?, 7, 'rung', ?, '{}')",
        [(one, now) for one in ids],
    )
    connection.executemany(
        "INSERT INTO bare_outbox (key, kind, order_id, due, data) VALUES (?, 'phone', ?, ?, '{}')",
        [(one, one, now) for one in ids],
    )
    connection.execute("COMMIT")
    return len(ids)
