"""Adopting a process definition: checked and shown first, taken by every worker, and no running order is disturbed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dispatch.adapters.sql.definitions import adoptions
from dispatch.adapters.sql.trail import notes
from dispatch.bootstrap import definitions
from dispatch.clock import VirtualClock
from dispatch.core.errors import BadInput, DispatchError, ProcessInvalid
from dispatch.core.types import Actor
from dispatch.core.work_order import Facts, WorkOrder, begin, take
from dispatch.process.commands import process
from dispatch.services.ports import Changes, Processes
from tests.dispatch.databases import Database, aside, database, database_kind, postgres_server

__all__ = ["database", "database_kind", "postgres_server"]
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SHIPPED = definitions.shipped_text("fault_repair.toml")
NEWER = SHIPPED.replace("version = 2", "version = 3", 1).replace('limit = "28m"', 'limit = "25m"')
FIRST = (Path(__file__).parents[1] / "core" / "fault_repair_1.toml").read_text(encoding="utf-8")


def write(database: Database, text: str, name: str = "own.toml") -> str:
    file = database.settings.data / name
    file.write_text(text, encoding="utf-8")
    return str(file)


def adopt(database: Database, what: str) -> definitions.Proposal:
    def work() -> definitions.Proposal:
        definitions.register(database.settings)
        proposal = definitions.propose(database.settings, what)
        definitions.adopt(database.settings, proposal, by="root", at=NOW)
        return proposal

    return aside(work)


def load(database: Database) -> Processes:
    return aside(lambda: definitions.load(database.settings))


def an_order(order_id: str, processes: Processes) -> WorkOrder:
    facts = Facts(order_id, processes.current, NOW, "phone", "1 Lane", None, "meter", "lv")
    return begin(facts, processes.by_id[processes.current], by=Actor("hotline", "h"), now=NOW, data={})


async def test_new_orders_begin_under_it_and_running_ones_end_under_their_own(database: Database) -> None:
    aside(lambda: definitions.register(database.settings))
    processes = load(database)
    store = database.store(processes, VirtualClock(NOW))
    await store.transact(lambda loaded, now: Changes(None, orders=(an_order("W1", processes),)))
    proposal = adopt(database, write(database, NEWER))
    assert proposal.lines == ["segment GH: limit 28 min becomes 25 min"]
    assert processes.current == "fault_repair@2", "a process that runs learns of it by itself:"
    assert await store.read(lambda c: definitions.refresh(c, processes))
    assert not await store.read(lambda c: definitions.refresh(c, processes))
    await store.transact(lambda loaded, now: Changes(None, orders=(an_order("W2", processes),)))

    def limits(loaded: Any, now: datetime) -> Changes[list[timedelta]]:
        found = (processes.of(loaded.order(name)) for name in ("W1", "W2"))
        return Changes([one.segment("GH").limit for one in found])

    assert await store.transact(limits) == [timedelta(minutes=28), timedelta(minutes=25)]


async def test_a_worker_that_has_not_seen_it_reads_it_with_the_first_order(database: Database) -> None:
    aside(lambda: definitions.register(database.settings))
    old = load(database)
    adopt(database, write(database, NEWER))
    new = load(database)
    assert (old.current, new.current) == ("fault_repair@2", "fault_repair@3")
    store = database.store(new, VirtualClock(NOW))
    await store.transact(lambda loaded, now: Changes(None, orders=(an_order("W1", new),)))
    slow = database.store(old, VirtualClock(NOW), lambda: None)  # a second worker
    order = await slow.transact(lambda loaded, now: Changes(loaded.order("W1")))
    assert order.facts.process == "fault_repair@3"
    assert "fault_repair@3" in old.by_id
    assert [o.id for o in await slow.open_orders()] == ["W1"]


def test_an_earlier_one_can_be_adopted_again_and_it_is_kept_who_did(database: Database) -> None:
    adopt(database, write(database, NEWER))
    back = adopt(database, "fault_repair@2")
    assert back.lines == ["segment GH: limit 25 min becomes 28 min"]
    assert load(database).current == "fault_repair@2"
    rows = database.at_once(adoptions)
    assert [(r.process, r.by, r.at) for r in rows] == [
        ("fault_repair@3", "root", NOW), ("fault_repair@2", "root", NOW),
    ]  # fmt: skip
    aside(lambda: definitions.register(database.settings))
    assert load(database).current == "fault_repair@2", "also after the next start"
    noted = database.at_once(lambda c: notes(c, 0, 10))
    assert [(one["action"], one["by_id"], one["subject"]) for one in noted] == [
        ("adopt_process", "root", "fault_repair@2"), ("adopt_process", "root", "fault_repair@3"),
        ("keep_process", "start", "fault_repair@2"),
    ]  # fmt: skip
    assert "25 min" in noted[1]["data"]["difference"]


def test_the_same_version_with_another_content_is_refused(database: Database) -> None:
    adopt(database, write(database, NEWER))
    other = write(database, NEWER.replace('limit = "25m"', 'limit = "24m"'))
    with pytest.raises(
        BadInput, match=r"fault_repair@3 is known with another content.*25 min becomes 24 min"
    ):
        adopt(database, other)
    assert load(database).by_id["fault_repair@3"].segment("GH").limit == timedelta(minutes=25)


@pytest.mark.parametrize("ended", [False, True])
async def test_the_file_of_the_settings_does_not_change_under_orders_that_began_with_it(
    database: Database, ended: bool
) -> None:
    """An order that is repaired or closed is still called back, and measured, by what it began with."""
    aside(lambda: definitions.register(database.settings))
    processes = load(database)
    order = an_order("W1", processes)
    if ended:
        data = {"reason": "duplicate"}
        order = take(order, processes.of(order), "cancel", by=Actor("hotline", "h"), now=NOW, data=data)
    store = database.store(processes, VirtualClock(NOW))
    await store.transact(lambda loaded, now: Changes(None, orders=(order,)))
    changed = SHIPPED.replace('limit = "28m"', 'limit = "25m"')
    settings = replace(database.settings, process_file=write(database, changed))
    with pytest.raises(BadInput, match=r"fault_repair@2 has changed since orders began under it: raise its"):
        aside(lambda: definitions.register(settings))
    assert load(database).by_id["fault_repair@2"].segment("GH").limit == timedelta(minutes=28)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('limit = "25m"', 'limit = "soon"', r"own\.toml:\d+: segment: .*soon"),
        ('again = ["accept"]', 'again = ["restore"]', "it would be forgotten"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(database: Database, old: str, new: str, says: str) -> None:
    with pytest.raises(ProcessInvalid, match=says):
        adopt(database, write(database, NEWER.replace(old, new, 1)))
    assert load(database).current == "fault_repair@2"
    assert database.at_once(adoptions) == []


def test_the_first_version_may_be_adopted_again_and_says_what_it_lacks(database: Database) -> None:
    def keep() -> None:
        from dispatch.adapters.sql.definitions import keep
        from dispatch.bootstrap.database import at_once
        from dispatch.core.process import parse

        at_once(database.settings, lambda c: keep(c, parse(FIRST)))

    aside(keep)
    assert "it would be forgotten" in adopt(database, "fault_repair@1").gaps
    assert load(database).current == "fault_repair@1"


def say(*words: str, answer: str = "") -> str:
    result = CliRunner().invoke(process, list(words), input=answer, catch_exceptions=False)
    return result.output


def test_the_command_shows_what_changes_and_asks(tmp_path: Path) -> None:
    from dispatch.bootstrap.database import make_ready
    from dispatch.settings import Settings

    make_ready(Settings(data=tmp_path))
    own = tmp_path / "own.toml"
    own.write_text(NEWER, encoding="utf-8")
    given = ("adopt", str(own), "--data", str(tmp_path))
    assert "Aborted" in say(*given, answer="n\n")
    assert say("adoptions", "--data", str(tmp_path)) == ""
    said = say(*given, answer="y\n")
    assert said.startswith("fault_repair@2 -> fault_repair@3\n  segment GH: limit 28 min becomes 25 min\n")
    assert said.endswith("New orders begin under fault_repair@3.\n")
    assert "fault_repair@3  by " in say("adoptions", "--data", str(tmp_path))


def test_where_there_is_no_installation_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(DispatchError, match="no installation in"):
        say("adopt", "fault_repair@2", "--yes", "--data", str(tmp_path / "nowhere"))
