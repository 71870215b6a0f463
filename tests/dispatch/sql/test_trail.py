"""The audit trail: whatever is altered after it was sealed is named; nothing waits for the seal."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from dispatch.adapters.sql import definitions, trail
from dispatch.adapters.sql.adoption import put_in_force
from dispatch.adapters.sql.append_only import TABLES
from dispatch.adapters.sql.statements import EVENT
from dispatch.adapters.sql.trail import Note
from dispatch.bootstrap.audit_trail import Sealer, audit
from dispatch.core.compliance import measure
from dispatch.core.errors import Unavailable
from dispatch.core.segments import deadline
from dispatch.core.types import SYSTEM
from dispatch.core.work_order import take
from dispatch.services.definitions import propose
from dispatch.services.ports import Changes, Decision, Processes
from tests.dispatch.centre import PROCESS, START
from tests.dispatch.sql.two import Two, note

ADA = Note("admin", "ada", "create_person", "bob", {"role": "manager"})


async def _lived(two: Two) -> None:
    """Three orders with some history, one of them dispatched, and something that an administrator did."""
    for name in ("W1", "W2", "W3"):
        await two.new(name)
        await two.first.transact(
            lambda loaded, now, n=name: Changes(None, orders=(note(loaded.order(n), now, x=1.5),))
        )
    await two.first.transact(
        lambda loaded, now: Changes(
            None,
            orders=(
                take(
                    take(loaded.order("W1"), PROCESS, "centre_receipt", by=SYSTEM, now=now),
                    PROCESS, "dispatch", by=SYSTEM, now=now, data={"crew_id": "N1"},
                ),
            ),
            decisions=(Decision("W1", 1, now, "N1", str(SYSTEM), {"chosen": {"eta_seconds": 61.25}}),),
        )
    )  # fmt: skip
    await two.first.write(lambda c: trail.note(c, ADA, START))


async def _sealed(two: Two) -> None:
    sealer = Sealer(two.first)
    assert await sealer.once() == 0
    assert await sealer.once() > 0


async def _verified(two: Two, noted: str = "") -> trail.Verified:
    return await two.second.read(lambda c: trail.verify(c, noted))


async def _wrong(two: Two, noted: str = "") -> list[tuple[str, str]]:
    return [(one.row, one.what) for one in (await _verified(two, noted)).findings]


def _by_force(two: Two, *statements: str) -> None:
    """What somebody does who may do anything with the database."""

    def work(connection: Any) -> None:
        for table in TABLES:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            else:
                for act in ("update", "delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{act}")
        for statement in statements:
            connection.execute(text(statement))

    two.database.at_once(work)


async def test_what_nobody_touched_is_in_order(two: Two) -> None:
    await _lived(two)
    before = await _verified(two)
    assert (before.rows, before.unsealed) == (0, 12)
    await _sealed(two)
    found = await _verified(two)
    assert (found.rows, found.unsealed, found.findings) == (12, 0, ())
    await two.new("W4")
    await _sealed(two)
    assert (await _verified(two)).rows == 14


async def test_no_row_can_be_changed_or_removed_by_an_ordinary_statement(two: Two) -> None:
    await _lived(two)
    await _sealed(two)
    two.database.at_once(lambda c: definitions.adopt(c, "x@1", "", by="root", at=START))
    column = {
        "order_event": "kind = 'x'",
        "decision": "by = 'x'",
        "audit": "action = 'x'",
        "seal": "hash = 'x'",
        "process_adoption": "process = 'x'",
    }
    for table in TABLES:
        for statement in (f"UPDATE {table} SET {column[table]}", f"DELETE FROM {table}"):
            with pytest.raises((DBAPIError, Unavailable), match="append-only"):
                two.database.at_once(lambda c, s=statement: c.execute(text(s)))
    assert await _wrong(two) == []


@pytest.mark.parametrize(
    ("statement", "row", "what"),
    [
        ("UPDATE order_event SET by_id = 'nobody' WHERE id = 4", "order_event 4", "was altered"),
        ("UPDATE order_event SET at = recorded_at WHERE id = 1", "", ""),
        ("DELETE FROM order_event WHERE id = 5", "order_event 5", "was removed"),
        ("UPDATE decision SET explanation = '{}' WHERE order_id = 'W1'", "order_event 11", "was altered"),
        ("DELETE FROM decision", "order_event 11", "was altered"),
        ("UPDATE audit SET subject = 'eve'", "audit 1", "was altered"),
        ("DELETE FROM audit", "audit 1", "was removed"),
        ("UPDATE seal SET last_id = last_id WHERE id = 1", "", ""),
        ("UPDATE seal SET previous = hash WHERE id = 1", "seal 1", "does not follow the seal before it"),
        ("UPDATE seal SET first_id = first_id + 1 WHERE id = 2", "seal 2", "was altered"),
        ("DELETE FROM seal WHERE id = 1", "seal 2", "does not follow the seal before it"),
    ],
)  # fmt: skip
async def test_every_altered_row_is_named(two: Two, statement: str, row: str, what: str) -> None:
    await _lived(two)
    await _sealed(two)
    _by_force(two, statement)
    found = await _wrong(two)
    assert found == [] if not row else (row, what) in found


async def test_an_order_whose_report_is_said_to_have_come_later_is_named_and_its_promise_stays(
    two: Two,
) -> None:
    await _lived(two)
    before = deadline(await two.first.transact(lambda loaded, now: Changes(loaded.order("W2"))), PROCESS)
    assert await _wrong(two) == []
    _by_force(two, "UPDATE work_order SET reported_at = '2026-03-02 22:20:00.000000' WHERE id = 'W2'")
    [(row, what)] = await _wrong(two)
    assert (row, what) == ("order W2", f"reported_at was altered: its history begins at {START.isoformat()}")
    order = await two.first.transact(lambda loaded, now: Changes(loaded.order("W2")))
    assert deadline(order, PROCESS) == before
    assert measure(order, PROCESS, START, UTC).reported_at == START


@pytest.mark.parametrize("altered", ["altered", "removed"])
async def test_a_definition_whose_limits_were_altered_is_named(two: Two, altered: str) -> None:
    text = PROCESS.text.replace("version = 2", "version = 3", 1)
    proposal = propose(Processes({PROCESS.id: PROCESS}, PROCESS.id), text, "own.toml")
    await two.first.write(lambda c: put_in_force(c, proposal, by=("admin", "ada"), at=START))
    assert await _wrong(two) == []
    which = "WHERE name = 'process/fault_repair@3'"
    _by_force(
        two,
        f"UPDATE installation SET value = replace(value, '28m', '38m') {which}"
        if altered == "altered"
        else f"DELETE FROM installation {which}",
    )
    assert await _wrong(two) == [("process fault_repair@3", f"was {altered}")]


async def test_a_row_that_is_put_in_between_later_is_named(two: Two) -> None:
    await _lived(two)
    _by_force(two, "DELETE FROM order_event WHERE id = 6")
    await _sealed(two)
    copied = (
        "INSERT INTO order_event (id, order_id, seq, kind, at, recorded_at, by_role, by_id, key, data)"
        " SELECT 6, 'W2', 3, kind, at, recorded_at, by_role, by_id, key, data FROM order_event WHERE id = 3"
    )
    _by_force(two, copied)
    assert await _wrong(two) == [("order_event 6", "was put in after its neighbours were sealed")]


async def test_a_chain_made_anew_is_found_by_a_hash_that_was_noted_before(two: Two) -> None:
    await _lived(two)
    await _sealed(two)
    _, noted = await two.first.read(trail.head)
    assert await _wrong(two, noted.upper()) == []
    _by_force(two, "UPDATE order_event SET by_id = 'nobody' WHERE id = 4", "DELETE FROM seal")
    await _sealed(two)
    assert await _wrong(two) == []
    assert [row for row, _ in await _wrong(two, noted)] == ["the chain"]


async def test_a_lower_id_that_is_still_under_way_is_waited_for(two: Two) -> None:
    if two.database.kind == "sqlite":
        return  # one writer: there is no such thing, and nothing to be waited for
    await _lived(two)
    slow = await asyncpg.connect(two.database.settings.database_url)
    try:
        under_way = slow.transaction()
        await under_way.start()
        await slow.execute(
            "INSERT INTO audit (at, by_role, by_id, action, subject, data) VALUES (now(), 'a', 'b', 'c', 'd', '{}')"
        )
        await two.first.write(lambda c: trail.note(c, ADA, START))
        sealer = Sealer(two.first)
        for _ in range(3):
            assert await sealer.once() == 0
        await under_way.commit()
        assert await sealer.once() > 0
        await sealer.once()
        found = await _verified(two)
        assert (found.unsealed, found.findings) == (0, ())
    finally:
        await slow.close()


async def test_a_writer_that_was_numbered_last_and_stands_still_is_waited_for(two: Two) -> None:
    """It has the newest number of all transactions and an id below one that is committed: no snapshot names it."""
    if two.database.kind == "sqlite":
        return  # one writer: ids are committed in their order
    await _lived(two)
    row = "INSERT INTO audit (at, by_role, by_id, action, subject, data) VALUES (now(), 'a', 'b', 'c', 'd', '{}')"
    early = await asyncpg.connect(two.database.settings.database_url)
    late = await asyncpg.connect(two.database.settings.database_url)
    try:
        first, last = early.transaction(), late.transaction()
        await first.start()
        await last.start()
        for one in (early, late):
            await one.execute("SELECT pg_current_xact_id()")
        await late.execute(row)  # the lower id
        await early.execute(row)
        await first.commit()
        sealer = Sealer(two.first)
        for _ in range(3):
            assert await sealer.once() == 0
        await last.commit()
        for _ in range(3):
            await sealer.once()
        found = await _verified(two)
        assert (found.unsealed, found.findings) == (0, ())
    finally:
        await early.close()
        await late.close()


async def test_two_sealers_make_one_chain(two: Two) -> None:
    await _lived(two)
    one, other = Sealer(two.first), Sealer(two.second)
    for _ in range(3):
        await one.once()
        await other.once()
        await two.new(f"V{_}")
    found = await _verified(two)
    assert found.findings == ()
    assert (
        found.rows + found.unsealed
        == len(await two.first.read(lambda c: c.execute(select(EVENT.c.id)).all())) + 1
    )


async def test_many_rows_are_sealed_in_small_batches(two: Two) -> None:
    await two.new()

    def many(c: Any) -> None:
        for n in range(2 * trail.BATCH):
            trail.note(c, ADA, START + timedelta(seconds=n))

    await two.first.write(many)
    await _sealed(two)
    found = await _verified(two)
    assert (found.seals, found.rows, found.findings) == (3, 2 * trail.BATCH + 2, ())


async def test_the_command_says_what_it_finds_and_its_exit_code_too(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _lived(two)
    await _sealed(two)
    settings = two.database.settings
    monkeypatch.setenv("DISPATCH45_DATA", str(settings.data))
    monkeypatch.setenv("DISPATCH45_DATABASE_URL", settings.database_url)

    def say(*words: str) -> tuple[int, str]:
        from tests.dispatch.databases import aside

        result = aside(lambda: CliRunner().invoke(audit, list(words)))
        return result.exit_code, result.output

    assert say("verify") == (0, "12 rows under 2 seals, 0 too new to be sealed: nothing was altered\n")
    number, noted = say("head")[1].split()
    assert number == "2"
    assert say("verify", "--head", noted)[0] == 0
    _by_force(two, "UPDATE order_event SET key = 'other' WHERE id = 4")
    code, said = say("verify")
    assert code == 1
    assert said.splitlines()[0] == "order_event 4 was altered"
    assert said.splitlines()[1].endswith("1 findings")


def test_a_folder_without_a_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPATCH45_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = CliRunner().invoke(audit, ["verify", "--data", str(tmp_path)])
    assert result.exit_code != 0
    assert "--data" in str(result.exception)
    assert not list(tmp_path.iterdir())


async def test_a_note_is_waited_for_from_before_it_has_its_id(two: Two) -> None:
    """PostgreSQL gives a row its id before the transaction has a number, unless that is asked for first."""
    if two.database.kind != "postgresql":
        return
    numbered: list[bool] = []

    def work(connection: Any) -> None:
        def hear(_: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if statement.startswith("INSERT INTO audit"):
                query = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
                numbered.append(bool(connection.execute(query).scalar()))

        event.listen(connection, "before_cursor_execute", hear)
        trail.note(connection, ADA, START)
        event.remove(connection, "before_cursor_execute", hear)

    await two.first.write(work)
    assert numbered == [True]
