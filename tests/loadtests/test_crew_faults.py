"""Two dozen sequences of faults on crews' phones, judged; and the judge finds what it is there to find."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from sqlalchemy import Connection, create_engine, insert, select

from dispatch.adapters.sql.statements import EVENT, OUTBOX
from loadtests import crew_faults
from loadtests.crew_faults import PhoneSaid, Touched, judge, outcome_of


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_nothing_that_was_kept_is_lost_or_doubled() -> None:
    with TemporaryDirectory(prefix="crew-faults") as folder:
        found, counts = crew_faults.run(Path(folder), 24, seed=7)
    assert (found.lost, found.doubled, found.groundless, found.waiting) == ([], [], [], 0)
    assert found.kept > 100
    assert found.taken + found.stood + found.refused >= found.kept
    assert found.stood > 0, "another device of the crew was first"
    faults = ("lostAnswers", "lostRequests", "doubled", "kills", "offline", "overtaken")
    assert min(counts[name] for name in faults) > 0
    assert outcome_of(found, counts, 24, 1.0).exit_code == 0


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as found:
        EVENT.create(found)
        OUTBOX.create(found)
        yield found
    engine.dispose()


def _taken(connection: Connection, *keys: str) -> None:
    """What the judge reads of an event."""
    columns = {c.name for c in EVENT.columns}
    for number, key in enumerate(keys, 1):
        row = {name: _filler(name) for name in columns} | {
            "id": number,
            "seq": number,
            "key": key,
            "order_id": f"W{number}",
        }
        connection.execute(insert(EVENT), [row])
    assert len(connection.execute(select(EVENT.c.key)).all()) == len(keys)


def _filler(name: str) -> object:
    if name in {"at", "recorded_at"}:
        return datetime(2026, 3, 2, tzinfo=UTC)
    return {} if name == "data" else ""


def _said(*steps: str, refused: tuple[str, ...] = (), waiting: tuple[str, ...] = ()) -> PhoneSaid:
    kept = [Touched(f"k-{step}", step) for step in steps]
    return PhoneSaid(1, "c0-0", "W1", False, kept, list(waiting), list(refused))


def test_the_judge_finds_a_press_that_is_lost(connection: Connection) -> None:
    _taken(connection, "http/c0-0/k-depart digest")
    found = judge(connection, [_said("depart", "arrive")])
    assert found.lost == ["k-arrive"]
    assert outcome_of(found, {}, 1, 1.0).exit_code == 1


def test_a_step_that_another_device_took_first_is_no_loss(connection: Connection) -> None:
    _taken(connection, "http/c0-0/other-arrive digest", "http/c0-0/k-restore digest")
    said = msgspec.structs.replace(
        _said("depart", "arrive", "restore"), ahead=[Touched("other-arrive", "arrive")]
    )
    found = judge(connection, [said])
    assert (found.lost, found.stood, found.doubled) == ([], 2, [])
    assert judge(connection, [_said("arrive")]).lost == ["k-arrive"]


def test_a_step_of_two_devices_that_is_there_twice_is_found(connection: Connection) -> None:
    _taken(connection, "http/c0-0/other-arrive digest", "http/c0-0/k-arrive digest")
    said = msgspec.structs.replace(_said("arrive"), ahead=[Touched("other-arrive", "arrive")])
    assert judge(connection, [said]).doubled == ["W1 arrive"]


def test_a_record_that_another_one_overtook_is_lost_unless_it_is_told(connection: Connection) -> None:
    _taken(connection, "http/c0-0/other-restore digest")
    said = msgspec.structs.replace(_said("record"), ahead=[Touched("other-restore", "restore")])
    assert judge(connection, [said]).lost == ["k-record"]


def test_the_judge_finds_a_press_that_is_there_twice(connection: Connection) -> None:
    _taken(connection, "http/c0-0/k-depart digest", "http/c0-0/k-depart digest2")
    found = judge(connection, [_said("depart")])
    assert found.doubled == ["c0-0/k-depart"]
    assert outcome_of(found, {}, 1, 1.0).exit_code == 1


def test_a_refusal_without_a_reason_is_no_good_answer(connection: Connection) -> None:
    found = judge(connection, [_said("depart", refused=("k-depart",))])
    assert found.groundless == ["k-depart"]
    assert outcome_of(found, {}, 1, 1.0).exit_code == 1


def test_a_refusal_that_was_told_is_no_loss_and_what_waits_is_said(connection: Connection) -> None:
    found = judge(connection, [_said("depart", "arrive", refused=("k-depart",), waiting=("k-arrive",))])
    assert (found.lost, found.refused, found.waiting) == ([], 1, 1)
    assert outcome_of(found, {}, 1, 1.0).exit_code == 1
