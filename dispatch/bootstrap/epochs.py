"""The epoch of the devices' desired states, renewed by itself when the database has gone back (a backup put in place).

Revisions of one epoch may only grow: a restored database would count up again from older ones, and Redis and the
terminals, which remember newer ones, would ignore it. Two signs tell: the database is another one than the epoch was made in
(cluster, timeline, and the identities of database and table: a restore changes one of them unless it copies the files of the
same cluster back), or the history ends before what Redis has seen of it (such a copy too).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

from redis.asyncio import Redis
from sqlalchemy import Connection, func, select, text

from dispatch.adapters.redis.devices import EpochKeeper
from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.adapters.sql.statements import EVENT
from dispatch.bootstrap.database import AnyStore
from dispatch.messages import Desired

log = logging.getLogger(__name__)
EPOCH = "epoch"
IDENTITY = "database_identity"
WITNESS = "history_seen"
"""Redis key: the last event of the history that a worker has seen committed."""
AGAIN = 5
"""Looks after a new epoch at which all states are written once more: a process may have written a last one of the old."""


def identity(connection: Connection) -> str:
    """Which database this is; another one after a restore, a fail-over or an upgrade of the server. Empty on SQLite, whose
    epoch is new at each start."""
    if connection.dialect.name != "postgresql":
        return ""
    oids = connection.execute(
        text(
            "SELECT d.oid, 'installation'::regclass::oid, has_function_privilege('pg_control_system()', 'execute')"
            " FROM pg_database d WHERE d.datname = current_database()"
        )
    ).one()
    line = connection.execute(text("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)")).scalar_one()
    cluster = "-"
    if oids[2]:
        cluster = connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one()
    return f"{cluster}/{line}/{oids[0]}/{oids[1]}"


def renew(connection: Connection) -> str:
    """A new epoch, and the database that it belongs to."""
    epoch = uuid4().hex
    set_fact(connection, EPOCH, epoch)
    set_fact(connection, IDENTITY, identity(connection))
    return epoch


def last_event(connection: Connection) -> int:
    """The end of the history."""
    return int(connection.execute(select(func.max(EVENT.c.id))).scalar() or 0)


class Epochs:
    """A worker's care for the epoch: renewed when the database has gone back, confirmed while Redis holds every state."""

    def __init__(
        self,
        store: AnyStore,
        redis: Redis,
        all_desired: Callable[[], Awaitable[Sequence[Desired]]],
        use: Callable[[str], None],
    ) -> None:
        """`use` is called with the epoch that counts from now on, before any state is written."""
        self._store = store
        self._redis = redis
        self._all_desired = all_desired
        self._use = use
        self._epoch = ""
        self._keeper: EpochKeeper | None = None
        self._looks = 0

    async def look(self) -> None:
        """One look. Raises RedisError, OSError or Unavailable: nothing is confirmed then."""
        epoch = await self._current()
        self._looks += 1
        if self._keeper is None or epoch != self._epoch or self._looks == AGAIN:
            self._looks = self._looks if epoch == self._epoch else 0
            self._epoch = epoch
            self._use(epoch)
            self._keeper = EpochKeeper(self._redis, epoch, self._all_desired)
        await self._keeper.keep()

    async def _current(self) -> str:
        seen = int(await self._redis.get(WITNESS) or 0)

        def look(connection: Connection) -> tuple[str, str, str, int]:
            return (
                fact(connection, EPOCH), fact(connection, IDENTITY), identity(connection), last_event(connection)
            )  # fmt: skip

        epoch, kept, present, last = await self._store.read(look)
        if (epoch and not kept and present) and last >= seen:  # made before identities were kept
            await self._store.write(lambda c: set_fact(c, IDENTITY, present))
        elif not epoch or kept != present or last < seen:
            epoch = await self._store.write(lambda c: _renew_once(c, epoch))
            log.warning("the database has gone back or is another one (its history ends at %d, %d was seen): new epoch", last, seen)  # fmt: skip
        await self._redis.set(WITNESS, last)
        return epoch


def _renew_once(connection: Connection, known: str) -> str:
    """Of several workers that see it, the first one renews."""
    present = fact(connection, EPOCH)
    return present if present != known else renew(connection)
