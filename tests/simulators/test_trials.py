"""Days that go wrong in every way, in virtual time: no promise is broken, a seed is lived again just so, and what breaks is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from dispatch.adapters.sql import statements
from dispatch.core import escalation
from dispatch.services import delivery, ringing
from simulators.trials.trial import Day, trial

HOURS = 0.5
ONE = "from simulators.trials.trial import Day, trial; print(trial(Day({seed}, {hours})).digest)"


@pytest.mark.parametrize("seed", range(1, 4))
def test_no_promise_is_broken(seed: int) -> None:
    lived = trial(Day(seed, HOURS))
    assert lived.broken == ()
    assert lived.facts["orders"] > 0


def test_the_same_seed_is_the_same_day_in_another_process() -> None:
    found = set()
    for hashes in ("1", "2"):
        code = ONE.format(seed=3, hours=0.4)
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1
    assert found != {trial(Day(4, 0.4)).digest + "\n"}


def test_clocks_that_are_not_kept_with_their_order_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_less(order: Any, process: Any) -> Any:
        return escalation.clocks(order, process)[1:]

    monkeypatch.setattr(statements, "clocks", one_less)
    assert any("armed are" in line for line in trial(Day(1, 0.3)).broken)


def test_a_second_call_within_the_minute_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ringing, "APART", timedelta())
    assert any("was rung twice" in line for line in trial(Day(3, 0.3, calls_an_hour=40.0)).broken)


def test_a_device_that_is_never_told_of_a_recall_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = delivery._write_desired

    async def only_more(context: Any, ports: Any, device: str) -> str:
        desired = await delivery.desired_state(context, device)
        return await real(context, ports, device) if desired and desired.orders else "forgotten"

    monkeypatch.setattr(delivery, "_write_desired", only_more)
    assert any("still" in line for line in trial(Day(1, HOURS)).broken)
