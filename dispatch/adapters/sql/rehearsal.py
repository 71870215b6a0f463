"""A change that is tried out: all of it is done, every check included, and then taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from dispatch.adapters.sql.store import SqlStore

T = TypeVar("T")


class _Rehearsed(Exception):
    """Everything was in order; nothing is kept."""


async def carry_out(database: SqlStore, work: Callable[[Connection], T], *, rehearsal: bool) -> T | None:
    """Run `work` in one transaction; a rehearsal keeps nothing of it and gives None. Raises what `work` raises."""

    def whole(connection: Connection) -> T:
        result = work(connection)
        if rehearsal:
            raise _Rehearsed
        return result

    try:
        return await database.write(whole)
    except _Rehearsed:
        return None
