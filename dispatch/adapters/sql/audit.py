"""What the auditor reads, on a connection of its own, in one short look that disturbs nobody.

On SQLite the file is opened read-only: in WAL mode a reader holds no writer up, and a short one does not keep the log
from being written back. On PostgreSQL the look is one read-only snapshot.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, and_, case, create_engine, func, insert, or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from dispatch.adapters.sql import postgres
from dispatch.adapters.sql.order_rows import each_order
from dispatch.adapters.sql.organisation import set_fact
from dispatch.adapters.sql.statements import ALERT, CLOCK, ORDER, OUTBOX
from dispatch.clock import DATABASE_TIME
from dispatch.core.errors import Unavailable
from dispatch.core.escalation import Clock
from dispatch.services import auditor
from dispatch.services.auditor import Audited, Calls, Finding, Held, Lateness, LongTransaction
from dispatch.services.calls import OVERTAKEN, UNHEARD
from dispatch.services.ports import Processes

T = TypeVar("T")
AUDITOR = "auditor"
"""Fact: when the auditor looked last, and what it found."""
SLICE = 300
"""Orders whose histories are read in one look."""
DONE_LATELY = 20_000
"""Effects, the newest, among which the telephone calls are looked for: a storm makes no look a long one."""
WAIT_FOR_WRITER = 2.0
"""Seconds that the auditor's own rare writes wait for SQLite's writer."""


class Eyes:
    """A database as the auditor sees it."""

    def __init__(self, database: str | Path) -> None:
        """`postgresql://…`, or SQLite's file."""
        self._file = database if isinstance(database, Path) else None
        self._postgres = None if isinstance(database, Path) else postgres.open_engine(database)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one read-only snapshot. Raises Unavailable."""
        try:
            if self._postgres is None:
                return await asyncio.to_thread(self._look_at_file, work)
            async with self._postgres.connect() as connection:
                await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                return await connection.run_sync(work)
        except (DBAPIError, OSError) as error:
            raise Unavailable(f"the database does not answer: {getattr(error, 'orig', error)}") from error

    async def write(self, work: Callable[[Connection], None]) -> None:
        """The auditor's own words. Raises Unavailable, also where SQLite's writer does not let go."""
        try:
            if self._postgres is None:
                await asyncio.to_thread(self._write_to_file, work)
                return
            async with self._postgres.begin() as connection:
                await connection.run_sync(work)
        except (DBAPIError, OSError) as error:
            raise Unavailable(
                f"the database does not take writes: {getattr(error, 'orig', error)}"
            ) from error

    def wal(self) -> int:
        """Bytes of SQLite's write-ahead log."""
        log = self._file and self._file.with_name(self._file.name + "-wal")
        return log.stat().st_size if log and log.exists() else 0

    async def close(self) -> None:
        """Give the connections back."""
        if self._postgres is not None:
            await self._postgres.dispose()

    def _look_at_file(self, work: Callable[[Connection], T]) -> T:
        engine = self._engine("ro")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")
                return work(connection)
        finally:
            engine.dispose()

    def _write_to_file(self, work: Callable[[Connection], None]) -> None:
        engine = self._engine("rw")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(
                    "PRAGMA synchronous=NORMAL"
                )  # no disk to wait for with the lock held
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                work(connection)
                connection.exec_driver_sql("COMMIT")
        finally:
            engine.dispose()

    def _engine(self, mode: str) -> Engine:
        assert self._file is not None
        address = f"{self._file.resolve().as_uri()}?mode={mode}"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(address, uri=True, timeout=WAIT_FOR_WRITER, isolation_level=None)

        return create_engine(
            "sqlite+pysqlite://", creator=connect, poolclass=NullPool, hide_parameters=True,
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )  # fmt: skip


def lateness(connection: Connection, late: datetime) -> Lateness:
    """Clocks that were due before `late`."""
    mine = CLOCK.c.due < late
    count = connection.execute(select(func.count()).select_from(CLOCK).where(mine)).scalar_one()
    query = select(CLOCK.c.order_id, CLOCK.c.name, CLOCK.c.due).where(mine).order_by(CLOCK.c.due)
    rows = connection.execute(query.limit(auditor.NAMED))
    return Lateness(count, [(r.order_id, r.name, r.due) for r in rows])


def held(connection: Connection, now: datetime, speed: float) -> list[Held]:
    """Effects that nobody takes, that do not get through, and that were given up within the last hour."""

    def before(seconds: float) -> datetime:
        return now - timedelta(seconds=seconds * speed)

    stuck = and_(OUTBOX.c.state.in_(["pending", "sent"]), OUTBOX.c.due < before(auditor.STUCK))
    waiting = and_(
        OUTBOX.c.state == "pending", OUTBOX.c.first_due < before(auditor.WAITING), OUTBOX.c.tries > 2
    )
    dead = and_(OUTBOX.c.state == "dead", OUTBOX.c.settled_at > before(3600.0))
    found: list[Held] = []
    for how, mine, since in (
        ("stuck", stuck, OUTBOX.c.due), ("waiting", waiting, OUTBOX.c.first_due), ("dead", dead, OUTBOX.c.settled_at)
    ):  # fmt: skip
        query = select(OUTBOX.c.kind, func.count().label("rows"), func.min(since).label("oldest"),
                       func.max(OUTBOX.c.outcome).label("outcome")).where(mine).group_by(OUTBOX.c.kind)  # fmt: skip
        found.extend(
            Held(how, r.kind, r.rows, r.oldest, r.outcome)  # type: ignore[arg-type]
            for r in connection.execute(query.order_by(OUTBOX.c.kind))
        )
    return found


def calls(connection: Connection, now: datetime, speed: float) -> Calls:
    """How the telephone calls of the last hour ended, among the effects that were done last."""
    hour = now - timedelta(hours=speed)
    newest = select(OUTBOX.c.kind, OUTBOX.c.call_id, OUTBOX.c.outcome, OUTBOX.c.settled_at)
    newest = newest.where(OUTBOX.c.state == "done", OUTBOX.c.due > hour)  # due when its call must have ended
    done = newest.order_by(OUTBOX.c.due.desc()).limit(DONE_LATELY).subquery().c
    failed = or_(done.outcome.startswith("failed"), done.outcome == UNHEARD)
    count = func.count(case((failed, done.call_id)).distinct())
    query = select(func.count(done.call_id.distinct()), count, func.max(case((failed, done.outcome))))
    query = query.where(done.kind == "phone", done.settled_at > hour, done.outcome != OVERTAKEN)
    ended, broken, outcome = connection.execute(query.where(~done.outcome.startswith("cut"))).one()
    return Calls(ended, broken, outcome or "")


def transactions(connection: Connection) -> list[LongTransaction]:
    """Open transactions of others (PostgreSQL; of other roles only where this one may read pg_stat_activity)."""
    if connection.dialect.name != "postgresql":
        return []
    now = connection.execute(text(DATABASE_TIME)).scalar_one()
    rows = connection.execute(
        text(
            "SELECT pid, application_name, state, xact_start FROM pg_stat_activity WHERE xact_start IS NOT NULL"
            " AND datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            " UNION ALL SELECT 0, 'prepared transaction', gid, prepared FROM pg_prepared_xacts"
            " WHERE database = current_database()"
        )
    )
    return [
        LongTransaction(
            " ".join(str(w) for w in (r.pid, r.application_name, r.state) if w), r.application_name,
            (now - r.xact_start).total_seconds(),
        )
        for r in rows
    ]  # fmt: skip


def bare(connection: Connection) -> list[str]:
    """Open orders that nobody has acknowledged and that no clock stands for: only some of those that may be."""
    armed = select(CLOCK.c.order_id).where(CLOCK.c.order_id == ORDER.c.id).exists()
    query = select(ORDER.c.id).where(ORDER.c.is_open, ORDER.c.acknowledged_at.is_(None), ~armed)
    return list(connection.execute(query.order_by(ORDER.c.id).limit(SLICE)).scalars())


def slice_after(connection: Connection, order_id: str, size: int = SLICE) -> list[str]:
    """The next open orders in the order of their ids; the looks go round all of them."""
    query = select(ORDER.c.id).where(ORDER.c.is_open, ORDER.c.id > order_id).order_by(ORDER.c.id)
    return list(connection.execute(query.limit(size)).scalars())


def changed_since(connection: Connection, instant: datetime) -> list[str]:
    """Open orders that changed lately."""
    query = select(ORDER.c.id).where(ORDER.c.changed_at > instant, ORDER.c.is_open)
    return list(connection.execute(query.order_by(ORDER.c.changed_at).limit(SLICE)).scalars())


def audited(
    connection: Connection, processes: Processes, order_ids: Iterable[str]
) -> tuple[list[Audited], Sequence[str]]:
    """Orders folded from their histories, beside what the tables say, and those that cannot be read."""
    ids = sorted(set(order_ids))
    rows = {row.id: row for row in connection.execute(select(ORDER).where(ORDER.c.id.in_(ids)))}
    orders, unreadable = each_order(connection, processes, list(rows.values()))
    armed: dict[str, set[Clock]] = {}
    for r in connection.execute(select(CLOCK).where(CLOCK.c.order_id.in_(ids))):
        armed.setdefault(r.order_id, set()).add(Clock(r.name, r.generation, r.rung, r.due))
    found = [
        Audited(
            order, rows[order.id].state, rows[order.id].version, rows[order.id].acknowledged_at is not None,
            frozenset(armed.get(order.id, ())),
        )
        for order in orders.values()
    ]  # fmt: skip
    return found, sorted(unreadable)


def say_in_pages(connection: Connection, key: str, finding: Finding, now: datetime) -> None:
    """An alert for the managers, which sounds until one of them acknowledges it."""
    facts = {**finding.facts, "code": finding.code}
    if finding.about:
        facts["about"] = finding.about
    connection.execute(
        insert(ALERT),
        {
            "key": key, "role": "manager", "centre_id": "", "order_id": "", "code": finding.code, "facts": facts,
            "raised_at": now, "acknowledged_by": "", "cause": "", "settled": "",
        },
    )  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What /healthz says of the auditor: when it looked (ISO 8601, real time), and the names of its findings."""

    looked: str
    findings: tuple[str, ...]


def keep_report(connection: Connection, report: Report) -> None:
    """For whoever asks how the auditor is."""
    set_fact(connection, AUDITOR, msgspec.json.encode(report).decode())
