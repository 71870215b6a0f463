"""The gazetteer in SQL: a plain scan of one narrow column, which needs no extension and finds two Chinese characters
as well as half a word. 50,000 rows take some 10 ms on either database (docs/hotline.md)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table, case, delete, func, insert, select

from dispatch.adapters.sql import desk_tables as t
from dispatch.adapters.sql.store import SqlStore
from dispatch.core.gazetteer import Entry, best, folded, search_text, words

GAZETTEER: Table = t.GazetteerRow.__table__  # type: ignore[attr-defined]
ROWS_AT_ONCE = 2_000
CANDIDATES = 200
"""Rows that the database hands over, the likeliest first; of these the best are shown."""


class SqlGazetteer:
    """`Gazetteer` on either store."""

    def __init__(self, database: SqlStore) -> None:
        self._database = database

    async def find(self, query: str, limit: int) -> list[Entry]:
        """Entries that hold every word of `query` in one of their names, the likeliest first."""
        return await self._database.read(lambda c: find(c, query, limit))


def find(connection: Connection, query: str, limit: int) -> list[Entry]:
    """The same over a connection."""
    if not (wanted := words(query)):
        return []
    text = GAZETTEER.c.folded
    begins = text.contains(f"\n{folded(query)}", autoescape=True)
    each = [text.contains(word, autoescape=True) for word in wanted]
    rows = connection.execute(
        select(GAZETTEER.c.name, GAZETTEER.c.name_zh, GAZETTEER.c.lat, GAZETTEER.c.lon)
        .where(*each)
        .order_by(case((begins, 0), else_=1), func.length(text), GAZETTEER.c.id)
        .limit(CANDIDATES)
    )
    return best([Entry(*row) for row in rows], query, limit)


def replace_gazetteer(connection: Connection, entries: Sequence[Entry]) -> None:
    """Put a whole gazetteer in place of the one before."""
    connection.execute(delete(GAZETTEER))
    for start in range(0, len(entries), ROWS_AT_ONCE):
        rows = [
            {"name": e.name, "name_zh": e.name_zh, "folded": search_text(e), "lat": e.lat, "lon": e.lon}
            for e in entries[start : start + ROWS_AT_ONCE]
        ]
        connection.execute(insert(GAZETTEER), rows)


def is_empty(connection: Connection) -> bool:
    """Whether nothing was imported yet."""
    return connection.execute(select(GAZETTEER.c.id).limit(1)).first() is None
