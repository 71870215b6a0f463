"""A small fault run, judged; and the judge finds each thing that it is there to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
import pytest
from sqlalchemy import Connection, delete, func, insert, select, update

from dispatch.adapters.sql.statements import CLOCK, EVENT, OUTBOX
from dispatch.bootstrap.database import at_once
from loadtests import fault_findings as judged
from loadtests import fault_judge
from loadtests.fault_driver import Line
from loadtests.fault_run import Rested, Scale, rested
from loadtests.faults import outcome_of
from simulators.phone_log import CallLine, Entry
from tests.dispatch.databases import NoServer, server

SMALL = Scale(
    orders=36, kills=6, restarts=1, steps=2, at_once=36, centres=4, speed=75.0, lease=4.0, rest=40.0
)


@pytest.fixture(scope="module")
def run() -> Any:
    if isinstance(found := server(), NoServer):
        pytest.skip(str(found))
    with TemporaryDirectory(prefix="faults") as folder, rested(Path(folder), SMALL) as ended:
        yield ended


def test_nothing_is_lost_doubled_or_forgotten(run: Rested, capsys: pytest.CaptureFixture[str]) -> None:
    found = run.judge()
    outcome = outcome_of(SMALL, run.tally, found)
    assert [o.name for o in outcome.objectives if o.name in judged.EVERYTHING and not o.met] == [], outcome
    assert run.tally.kills >= 3, "how many there is time for depends on the machine"
    assert (run.tally.postgres, run.tally.redis) == (1, 1)
    assert {"rungs", "telephone"} <= set(found.facts)
    assert len(found.lateness) >= 10, "orders have climbed"
    assert "orders: 36 instead of 100,000" in outcome.left_out
    with capsys.disabled():
        click.echo(f"\nfaults: {run.tally.kills} kills in {run.worked:.0f} s, {found.facts['telephone']}")


@dataclass(frozen=True)
class Lie:
    """Something that must never stand, and what the judge calls it."""

    name: str
    tell: Callable[[Connection, Rested], None]


def _a_clock_is_gone(connection: Connection, run: Rested) -> None:
    connection.execute(delete(CLOCK))


def _a_rung_twice(connection: Connection, run: Rested) -> None:
    rung = connection.execute(select(EVENT).where(EVENT.c.kind == "rung").limit(1)).one()
    last = connection.execute(
        select(func.max(EVENT.c.seq)).where(EVENT.c.order_id == rung.order_id)
    ).scalar_one()
    again = {**rung._mapping, "seq": last + 1, "key": "again"}
    del again["id"]
    connection.execute(insert(EVENT), again)


def _an_effect_hangs(connection: Connection, run: Rested) -> None:
    row = connection.execute(select(func.min(OUTBOX.c.id))).scalar_one()
    connection.execute(update(OUTBOX).where(OUTBOX.c.id == row).values(state="pending"))


def _an_order_is_not_there(connection: Connection, run: Rested) -> None:
    line = Line("W0000-NOBODY", "taken", "C-none", "never")
    with Path(run.ground.ledgers[0]).open("ab") as ledger:
        ledger.write(msgspec.json.encode(line) + b"\n")


def _calls(run: Rested) -> list[CallLine]:
    lines = (msgspec.json.decode(line, type=Entry) for line in run.ground.log.read_bytes().splitlines())
    return [line for line in lines if isinstance(line, CallLine)]


def _log(run: Rested, line: CallLine) -> None:
    with run.ground.log.open("ab") as log:
        log.write(msgspec.json.encode(line) + b"\n")


def _a_call_of_nobodys(connection: Connection, run: Rested) -> None:
    first = _calls(run)[0]
    request = msgspec.structs.replace(first.request, call_id="call-0-0")
    _log(run, CallLine(request, first.at))


LIES = (
    Lie(judged.CLOCKS, _a_clock_is_gone),
    Lie(judged.DOUBLED, _a_rung_twice),
    Lie(judged.AFTER, _a_rung_twice),
    Lie(judged.OUT, _an_effect_hangs),
    Lie(judged.LOST, _an_order_is_not_there),
    Lie(judged.CALLS, _a_call_of_nobodys),
    Lie(judged.MINUTE, _a_call_of_nobodys),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_the_judge_sees_what_must_not_stand(run: Rested, lie: Lie) -> None:
    kept = {file: file.read_bytes() for file in (*run.ground.ledgers, run.ground.log)}

    class Back(Exception):
        """Nothing of it is to stay."""

    seen: list[judged.Findings] = []

    def work(connection: Connection) -> None:
        lie.tell(connection, run)
        seen.append(fault_judge.judge(connection, run.ground, lambda told: None))
        raise Back

    try:
        with pytest.raises(Back):
            at_once(run.settings, work)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert seen[0].wrong[lie.name], lie


@pytest.mark.parametrize(("later", "forgotten"), [(9, 0), (11, 1)])
def test_a_rung_that_others_have_overtaken_was_forgotten_and_one_that_is_only_late_was_not(
    run: Rested, later: int, forgotten: int
) -> None:
    """However late everything is: what counts is whether somebody younger was decided first."""
    ground = replace(run.ground, passed=timedelta(seconds=10))
    began = run.ground.now
    found = judged.Findings(
        overdue=[(began + timedelta(hours=1), began, "W1")],
        rungs=[
            (began + timedelta(minutes=59), began + timedelta(seconds=later)),
            (began + timedelta(minutes=61), began + timedelta(minutes=60)),
        ],
    )
    fault_judge.passed_over(ground, found)
    assert len(found.wrong[judged.FORGOTTEN]) == forgotten
