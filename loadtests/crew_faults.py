"""Crews' phones with everything going wrong: `python -m loadtests.crew_faults [--sequences N] [--seed N] [--short] [--json FILE]`.

The page's own queue runs under node (crew_phone.js) against the real interface on SQLite; what it told a person to be kept is then
looked for in the database: each press is there once, or another device of the crew took its step first, or its refusal
was told. Needs node.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import click
import httpx
import msgspec
from argon2 import PasswordHasher
from sqlalchemy import Connection, insert, select

from dispatch import lifeline
from dispatch.adapters.sql.people import PERSON
from dispatch.adapters.sql.statements import EVENT, OUTBOX
from dispatch.bootstrap.database import at_once
from dispatch.clock import SystemClock
from dispatch.settings import Settings, to_environment
from loadtests.fault_town import crew_ids, prepare
from loadtests.objectives import Objective, Outcome, tell
from loadtests.processes import Failed, free_ports, redis_running
from map_ui.vendor import STATIC

FULL, SHORT = 1_000, 60
WAY = ("acknowledge", "depart", "arrive", "restore")
CENTRES = 2
PASSWORD = "a password of the fault run"  # noqa: S105 - of a database that is thrown away
PATIENCE = 60
"""Seconds until the centre answers."""


class Touched(msgspec.Struct, frozen=True):
    """A press that the phone said was kept."""

    key: str
    step: str


class PhoneSaid(msgspec.Struct, frozen=True):
    """What one phone said at the end of one sequence."""

    number: int
    crew: str
    order: str
    recalled: bool
    kept: list[Touched]
    waiting: list[str]
    refused: list[str]
    ahead: list[Touched] = []
    """What another device of the crew took first."""


class Findings(msgspec.Struct, frozen=True):
    """What the database says of them."""

    kept: int
    taken: int
    stood: int
    """Another device was first, or further."""
    refused: int
    lost: list[str]
    doubled: list[str]
    groundless: list[str]
    """Refused, though the centre decided nothing otherwise."""
    waiting: int


@click.command()
@click.option("--sequences", type=click.IntRange(1), default=FULL, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--short", is_flag=True, help=f"{SHORT} sequences.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome to this file, too.")
def main(sequences: int, seed: int, short: bool, file: str | None) -> None:
    """Run the sequences, judge them."""
    wanted = SHORT if short else sequences
    began = SystemClock.monotonic()
    with TemporaryDirectory(prefix="crew-faults") as folder:
        found, counts = run(Path(folder), wanted, seed)
    sys.exit(tell(outcome_of(found, counts, wanted, SystemClock.monotonic() - began), file))


def outcome_of(found: Findings, counts: dict[str, int], sequences: int, seconds: float) -> Outcome:
    """The table."""
    return Outcome(
        name="crews' phones, everything going wrong",
        objectives=(
            Objective(name="sequences", measured=sequences, wanted=min(sequences, FULL)),
            Objective(name="presses that were kept and are lost", measured=len(found.lost), wanted=0, sense="at most"),
            Objective(name="presses that are there twice", measured=len(found.doubled), wanted=0, sense="at most"),
            Objective(name="refused without a reason", measured=len(found.groundless), wanted=0, sense="at most"),
            Objective(name="presses that never came through", measured=found.waiting, wanted=0, sense="at most"),
        ),
        facts={
            "presses kept": found.kept, "taken by the centre": found.taken,
            "another device first": found.stood, "refused and told": found.refused, **counts, "seconds": round(seconds), "lost": " ".join(found.lost[:10]),
            "there twice": " ".join(found.doubled[:10]), "groundless": " ".join(found.groundless[:10]),
        },
        left_out=(f"{sequences} sequences instead of {FULL:,}",) if sequences < FULL else (),
    )  # fmt: skip


def run(folder: Path, sequences: int, seed: int) -> tuple[Findings, dict[str, int]]:
    """All sequences against an installation of their own; its database is judged when it has ended."""
    with redis_running(folder) as redis:
        settings = prepare(Settings(data=folder, port=free_ports(), redis_url=redis.url), CENTRES, 1.0)
        at_once(settings, lambda c: people(c, CENTRES))
        with centre_running(settings, folder):
            said, counts = _phones(settings, folder, sequences, seed)
        return at_once(settings, lambda c: judge(c, said), reading=True), counts


def people(connection: Connection, centres: int) -> None:
    """Holly of the hotline, and of each centre its dispatcher and one person a crew; all with PASSWORD."""
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    all_of_them = [("holly", "hotline", "", "")]
    for n in range(centres):
        all_of_them.append((f"dora{n}", "dispatcher", f"c{n}", ""))
        all_of_them += [(crew, "crew", "", crew) for crew in crew_ids(n)]
    rows = [
        {
            "username": u,
            "name": u,
            "role": r,
            "centre_id": c,
            "crew_id": w,
            "password": hashed,
            "active": True,
        }
        for u, r, c, w in all_of_them
    ]
    connection.execute(insert(PERSON), rows)


@contextmanager
def centre_running(settings: Settings, folder: Path) -> Iterator[None]:
    """Web and worker in one process, until it answers and for the length of the block."""
    environment = {**os.environ, **to_environment(settings)}
    command = lifeline.tied([sys.executable, "-m", "dispatch.cli", "centre"])
    with (folder / "centre.log").open("ab") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        for _ in range(PATIENCE * 10):
            if process.poll() is not None:
                break
            try:
                httpx.get(f"http://127.0.0.1:{settings.port}/api/clock", trust_env=False).raise_for_status()
            except httpx.HTTPError:
                Event().wait(0.1)
            else:
                yield
                return
        raise Failed(f"the centre does not answer: {(folder / 'centre.log').read_text()[-2000:]}")
    finally:
        process.terminate()
        process.wait()


def _phones(
    settings: Settings, folder: Path, sequences: int, seed: int
) -> tuple[list[PhoneSaid], dict[str, int]]:
    node = shutil.which("node")
    if node is None:
        raise Failed("no node on this machine")
    place = folder / "phones"
    shutil.copytree(STATIC / "js", place / "js")
    (place / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copy(Path(__file__).with_name("crew_phone.js"), place)
    crews = [
        {"crew": crew, "dispatcher": f"dora{n}", "centre": n} for n in range(CENTRES) for crew in crew_ids(n)
    ]
    job = {
        "base": f"http://127.0.0.1:{settings.port}", "password": PASSWORD, "crews": crews,
        "sequences": sequences, "seed": seed,
    }  # fmt: skip
    command = [node, str(place / "crew_phone.js"), msgspec.json.encode(job).decode()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the phones ended: {done.stderr[-2000:]}")
    lines = done.stdout.splitlines()
    said = [msgspec.json.decode(line, type=PhoneSaid) for line in lines[:-1]]
    if len(said) != sequences:
        raise Failed(f"{len(said)} of {sequences} sequences ended")
    return said, msgspec.json.decode(lines[-1])["counts"]


def judge(connection: Connection, said: Sequence[PhoneSaid]) -> Findings:
    """Each kept press is in an order's history, or among the messages, once; or its step stands; or the phone holds its refusal."""
    times = _times(connection)
    lost, doubled, groundless, kept, taken, stood, refused = [], [], [], 0, 0, 0, 0
    for one in said:
        ahead = [press for press in one.ahead if times[f"{one.crew}/{press.key}"]]
        for press in one.kept:
            if press.step == "receipt":
                continue  # of its own key; a second one is no press
            kept += 1
            number = times[f"{one.crew}/{press.key}"]
            taken += number > 0
            told = press.key in one.refused or press.key in one.waiting
            refused += press.key in one.refused
            if number == 0 and not told:
                stands = _passed(press.step, ahead)
                stood += stands
                lost += [] if stands else [press.key]
        groundless += [] if one.recalled else one.refused
        again = Counter(press.step for press in [*one.kept, *ahead] if times[f"{one.crew}/{press.key}"])
        doubled += [
            f"{one.order} {step}" for step, number in again.items() if number > 1 and step != "message"
        ]
    doubled += [key for key, number in times.items() if number > 1]
    waiting = sum(len(one.waiting) for one in said)
    return Findings(kept, taken, stood, refused, lost, doubled, groundless, waiting)


def _passed(step: str, ahead: Sequence[Touched]) -> bool:
    """Whether another device has taken this step of the way, or a later one."""
    return step in WAY and any(WAY.index(other.step) >= WAY.index(step) for other in ahead)


def _times(connection: Connection) -> Counter[str]:
    """How often each key of a crew's phone was taken: `crew/key`."""
    found: Counter[str] = Counter()
    for (key,) in connection.execute(select(EVENT.c.key).where(EVENT.c.key.like("http/%"))):
        found[str(key).removeprefix("http/").split(" ")[0]] += 1
    for (key,) in connection.execute(select(OUTBOX.c.key).where(OUTBOX.c.key.like("alert/message/http/%"))):
        found[str(key).removeprefix("alert/message/http/").removesuffix("/dispatcher")] += 1
    return found


if __name__ == "__main__":
    main()
