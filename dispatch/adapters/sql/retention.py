"""Old positions go: by whole days on PostgreSQL, in small batches on SQLite, so that no writer waits for it.

What is old is older than the limit by its fix and by its receipt. A fix that came late, for a day that is old or gone
already, stays until the limit after its receipt: on PostgreSQL in `position_other`, where its day's partition goes.
SQLite uses the pages that become free again; its file does not shrink.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from math import inf
from typing import Any

from sqlalchemy import Connection, func, inspect, select, text

from dispatch.adapters.sql.history import NAMES
from dispatch.adapters.sql.order_rows import OPEN
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.store import SqlStore
from dispatch.clock import SystemClock
from dispatch.core.errors import DispatchError
from dispatch.core.retention import DAY_S, gone_before, is_time
from dispatch.services.context import Context

log = logging.getLogger(__name__)
EVERY_S, AFTER_FAILURE_S = 600.0, 3_600.0
BATCH = 2_000
"""Rows that one transaction deletes at most: some 10 ms of the writer's time."""
REST = 4.0
"""Times as long as a batch took the writer is left to others."""
LOCK_MS = 300
"""So long the writers may wait behind us for a partition to be taken off; else it is tried again later."""
_OLD = "received_time < :before AND (fix_time < :before OR fix_time > received_time + :day)"
"""A fix time far ahead of its receipt is no time: the receipt counts."""

_DAY = re.compile(r"position_(\d{8})")
_PARTITIONS = text(
    "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
    " WHERE inhparent = 'position'::regclass"
)


class Retention:
    """Deletes positions older than `keep_days` (0: none). Several workers may run it: one at a time does it."""

    def __init__(self, context: Context, orders: SqlStore, positions: SqlStore, keep_days: int) -> None:
        self._context, self._orders, self._positions = context, orders, positions
        self._keep_days = keep_days
        self.gone = 0
        """Rows (SQLite, and of no day) and days (PostgreSQL) deleted so far."""

    async def once(self) -> None:
        """Look whether something is old, and rest. What fails is said and tried again: orders do not depend on it."""
        try:
            await self.clear()
        except DispatchError as error:
            log.warning("old positions are deleted later: %s", error)
        except Exception:
            log.exception("old positions could not be deleted")
            await asyncio.sleep(AFTER_FAILURE_S)
        await asyncio.sleep(EVERY_S)

    async def clear(self) -> None:
        """Delete what is old, if it is time. Raises Unavailable."""
        now = self._context.clock.now()
        before = gone_before(now.timestamp(), self._keep_days, await self._open_since())
        if before is None:
            return
        if not is_time(await self._positions.read(_oldest), before, now.astimezone(self._context.zone)):
            return
        gone = self.gone
        if await self._positions.read(lambda c: c.dialect.name == "postgresql"):
            await self._days(before)
        else:
            await self._rows(before)
        stamp = datetime.fromtimestamp(before, UTC).date()
        log.info("positions of before %s deleted: %d rows or days", stamp, self.gone - gone)

    async def _open_since(self) -> float | None:
        oldest = select(func.min(ORDER.c.reported_at)).where(OPEN)
        found = await self._orders.read(lambda c: c.execute(oldest).scalar())
        return None if found is None else found.timestamp()

    async def _rows(self, before: float) -> None:
        """SQLite: through its one writer, in the order in which the rows came."""
        after: int | None = 0
        while after is not None:
            started, start = SystemClock.monotonic(), after
            gone, after = await self._positions.write(
                lambda c, start=start: delete_batch(c, before, start),  # type: ignore[misc]
                quiet=True,
            )
            self.gone += gone
            await asyncio.sleep(REST * (SystemClock.monotonic() - started))

    async def _days(self, before: float) -> None:
        for name in await self._positions.read(old_days):
            if _end(name) <= before:
                await self._positions.write(lambda c, name=name: take_off(c, name), quiet=True)  # type: ignore[misc]
                self.gone += await self._positions.write(
                    lambda c, name=name: drop(c, name, before),  # type: ignore[misc]
                    quiet=True,
                    patient=True,
                )
        while gone := await self._positions.write(lambda c: delete_others(c, before), quiet=True):
            self.gone += gone
            await asyncio.sleep(0.1)


def delete_batch(connection: Connection, before: float, after: int) -> tuple[int, int | None]:
    """SQLite: look at the next rows; how many went, and where to go on. None: what follows is younger."""
    rows = connection.execute(
        text("SELECT rowid, received_time FROM position WHERE rowid > :after ORDER BY rowid LIMIT :n"),
        {"after": after, "n": BATCH},
    ).all()
    if not rows or min(row.received_time for row in rows) >= before:
        return 0, None
    facts = {"before": before, "day": DAY_S, "after": after, "last": rows[-1].rowid}
    found = connection.execute(
        text(f"DELETE FROM position WHERE rowid > :after AND rowid <= :last AND {_OLD}"),  # noqa: S608
        facts,
    )
    return found.rowcount, rows[-1].rowid


def old_days(connection: Connection) -> list[str]:
    """PostgreSQL: the tables of days, the oldest first; also of one that was taken off and not dropped."""
    return sorted(name for name in inspect(connection).get_table_names() if _DAY.fullmatch(name))


def take_off(connection: Connection, partition: str) -> None:
    """PostgreSQL: no longer part of the history. Only the catalogue changes; readers and writers hardly wait."""
    if not _ours(connection) or partition not in connection.execute(_PARTITIONS).scalars().all():
        return
    connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MS}"))
    connection.execute(text(f"ALTER TABLE position DETACH PARTITION {partition}"))


def drop(connection: Connection, partition: str, before: float) -> int:
    """PostgreSQL: what came late into a day that was taken off goes to `position_other`, the rest with its table."""
    connection.execute(text("SELECT pg_advisory_xact_lock(45, 2)"))  # what was begun is ended, however long
    if partition not in old_days(connection):
        return 0
    if partition in connection.execute(_PARTITIONS).scalars().all():
        return 0
    others = ", ".join(name for name in NAMES if name != "flag")
    for flag in ("flag", "'duplicate'"):  # a copy may have come since it was taken off
        connection.execute(
            text(
                f"INSERT INTO position ({others}, flag) SELECT {others}, {flag} FROM {partition}"  # noqa: S608
                " WHERE received_time >= :before ON CONFLICT DO NOTHING"
            ),
            {"before": before},
        )
    connection.execute(text(f"DROP TABLE {partition}"))
    return 1


def delete_others(connection: Connection, before: float) -> int:
    """PostgreSQL: some of the old fixes that stand in no day; how many."""
    if not _ours(connection):
        return 0
    old = f"SELECT ctid FROM position_other WHERE {_OLD} LIMIT {BATCH}"  # noqa: S608
    statement = text(f"DELETE FROM position_other WHERE ctid = ANY (ARRAY({old}))")  # noqa: S608
    return connection.execute(statement, {"before": before, "day": DAY_S}).rowcount


def _ours(connection: Connection) -> bool:
    """Whether no other worker is at it, until the end of this transaction."""
    return bool(connection.execute(text("SELECT pg_try_advisory_xact_lock(45, 2)")).scalar())


def _oldest(connection: Connection) -> float:
    """Of the oldest that is there: by its day, or by the receipt of the row that came first."""
    if connection.dialect.name == "postgresql":
        ends = [_end(name) for name in old_days(connection)]
        other: Any = connection.execute(text("SELECT min(received_time) FROM position_other")).scalar()
        return min([*(end - DAY_S for end in ends), inf if other is None else other])
    first: Any = connection.execute(text("SELECT received_time FROM position ORDER BY rowid LIMIT 1"))
    return first.scalar() or inf


def _end(partition: str) -> float:
    """The midnight that ends the day of a partition."""
    found = _DAY.fullmatch(partition)
    assert found is not None
    return datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).timestamp() + DAY_S
