"""The run that tries to leave a trade without a crew: small, and shown what it has to find."""

from __future__ import annotations

import pytest

from dispatch.adapters.sql import lines
from dispatch.core import crew
from loadtests.clock_seed import organise
from loadtests.cover import Watch, run
from tests.dispatch.databases import Database, database, postgres_server

__all__ = ["database", "postgres_server"]


async def _asked(database: Database, operations: int) -> Watch:
    database.at_once(organise)
    watch = Watch()
    await run(database.settings, operations, 1, watch)
    return watch


@pytest.mark.parametrize("database_kind", ["postgresql", "sqlite"])
async def test_cover_is_never_broken_by_those_who_leave_at_the_same_moment(database: Database) -> None:
    watch = await _asked(database, 600)
    assert watch.broken == []
    assert sum(watch.answers.values()) == 600
    assert min(watch.answers[what] for what in ("away", "back", "refused: max_away")) > 50
    assert watch.seen > 600 or database.kind == "sqlite", "some were decided again"


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_commit_that_overwrites_another_one_is_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = lines._KINDS["rosters"].replace(" AND o.version = r.of_version", "")
    monkeypatch.setitem(lines._KINDS, "rosters", careless)
    lines.statement.cache_clear()
    try:
        assert "told otherwise" in " ".join((await _asked(database, 300)).broken)
    finally:
        lines.statement.cache_clear()


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_rule_that_lets_everybody_go_is_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "_cover_stays", lambda *_: None)
    assert "are away at once" in " ".join((await _asked(database, 100)).broken)
