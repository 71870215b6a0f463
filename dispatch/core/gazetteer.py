"""The utility's own addresses: how they are spelt for a search, and which come first."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One known address or place, in English and in Chinese (either may stand for both). WGS-84 degrees."""

    name: str
    name_zh: str
    lat: float
    lon: float


def folded(text: str) -> str:
    """One spelling for what means the same: full-width figures, capitals, several spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def search_text(entry: Entry) -> str:
    """What an entry is found by: both names, each on its own line."""
    names = dict.fromkeys(folded(name) for name in (entry.name, entry.name_zh))
    return "\n" + "\n".join(names) + "\n"


def words(query: str) -> list[str]:
    """The words of a query, all of which an entry must hold; Chinese needs no spaces between them."""
    return folded(query).split()[:8]


def best(entries: Iterable[Entry], query: str, limit: int) -> list[Entry]:
    """Names that begin with the query first, then those in which each of its words begins one, the shortest first."""
    asked, wanted = folded(query), words(query)

    def place(entry: Entry) -> tuple[int, int, str]:
        names = [name for name in search_text(entry).split("\n") if name]
        if any(name.startswith(asked) for name in names):
            rank = 0
        else:
            starts = [f" {name}" for name in names]
            rank = 1 if any(all(f" {word}" in name for word in wanted) for name in starts) else 2
        return rank, min(len(name) for name in names), names[0]

    return sorted(entries, key=place)[:limit]
