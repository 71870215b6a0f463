"""Seeded people: the same seed, the same people; a file that cannot be used says where."""

from __future__ import annotations

from pathlib import Path
from statistics import median, quantiles
from typing import get_args

import pytest

from dispatch.core.errors import BadInput
from simulators.behaviour import OWN_FILE, Kind, PhoneHabit, load
from simulators.people import People

TEXT = OWN_FILE.read_text("utf-8")


def test_the_same_seed_gives_the_same_people_in_any_order() -> None:
    one, two = People(1), People(1)
    ids = [f"W{n}" for n in range(50)]
    forward = [(one.acknowledge(i, 1), one.delay("repair", i), one.phone(i)) for i in ids]
    backward = [(two.acknowledge(i, 1), two.delay("repair", i), two.phone(i)) for i in reversed(ids)]
    assert forward == backward[::-1]
    assert forward != [
        (p.acknowledge(i, 1), p.delay("repair", i), p.phone(i)) for p in [People(2)] for i in ids
    ]


def test_another_dispatch_of_an_order_meets_another_crew() -> None:
    people = People(1)
    assert people.acknowledge("W1", 1) != people.acknowledge("W1", 2)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_delays_keep_their_bounds_and_their_median(kind: Kind) -> None:
    people = People(7)
    delay = people.behaviour.delays[kind]
    drawn = [people.delay(kind, str(n)) for n in range(2000)]
    assert delay.least <= min(drawn)
    assert max(drawn) <= delay.most
    if delay.shape == "lognormal":
        assert median(drawn) == pytest.approx(delay.median, rel=0.08)
        assert quantiles(drawn, n=10)[-1] == pytest.approx(delay.p90, rel=0.12)


def test_shares_are_met() -> None:
    people = People(3)
    silent = sum(people.acknowledge(f"W{n}", 1) is None for n in range(4000)) / 4000
    assert silent == pytest.approx(0.05, abs=0.012)
    reasons = [r for n in range(4000) if (r := people.rejects(f"W{n}", 1))]
    assert len(reasons) / 4000 == pytest.approx(0.03, abs=0.01)
    assert set(reasons) <= set(people.behaviour.reject_reasons)
    habits = {people.phone(str(n)) for n in range(500)}
    assert habits == set(get_args(PhoneHabit))


def test_a_crew_that_answers_does_so_before_the_watch_of_four_minutes() -> None:
    assert load().delays["acknowledge"].most < 240


@pytest.mark.parametrize(
    ("old", "new", "key", "why"),
    [
        ("crew_silent = 0.05", "crew_silent = 1.5", "shares.crew_silent", "share from 0 to 1"),
        ("crew_silent = 0.05", "crew_silent = true", "shares.crew_silent", "expected a number"),
        ("crew_silent = 0.05", "crew_silent = nan", "shares.crew_silent", "finite"),
        ("busy = 0.04", "busy = 0.4", "phones", "sum to 1.36"),
        ("busy = 0.04", "bussy = 0.04", "phones.bussy", "unknown"),
        ("away                = ", "# ", "delays", "away is missing"),
        ("p90 = 170, least = 20", "p90 = 99, least = 20", "delays.turnout", "median <= p90"),
        ("least = 60, mode = 180", "lest = 60, mode = 180", "delays.fault_record", "lest"),
        ('"triangular", least = 60', '"normal", least = 60', "delays.fault_record", "'normal'"),
        ("wrong_trade = 3", "wrong_trade = -3", "reject_reasons.wrong_trade", "0 or more"),
        ("[phones]", "[telephones]", "telephones", "no section"),
    ],
)
def test_a_bad_file_names_line_and_key(tmp_path: Path, old: str, new: str, key: str, why: str) -> None:
    assert TEXT.count(old) == 1
    path = tmp_path / "behaviour.toml"
    path.write_text(TEXT.replace(old, new), "utf-8")
    with pytest.raises(BadInput) as caught:
        load(path)
    line = path.read_text("utf-8").splitlines().index(_line_with(path, new, key)) + 1
    assert caught.value.message.startswith(f"{path}:{line}: {key}: ")
    assert why in caught.value.message


def _line_with(path: Path, new: str, key: str) -> str:
    """The line of the key, or of the section where the whole section is meant."""
    wanted = new if "." in key else f"[{key}]"
    return next(line for line in path.read_text("utf-8").splitlines() if wanted in line)


def test_no_file_and_no_toml_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[delays\n")
    with pytest.raises(BadInput, match="line 1"):
        load(tmp_path / "bad.toml")
