"""One order from the customer's call to the closed file, and one acknowledgement that nobody gives, through the
real processes; and the same check where a part of the line is broken.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from dispatch.clock import SystemClock
from simulators.actors.scenario import load_scenario
from tests.program import Program, program

SPEED = 60
DEMO = {
    "DISPATCH45_SCENARIO": "quick",
    "DISPATCH45_PHONES": str(load_scenario("quick").behaviour_file),  # nobody presses a key
}
BROKEN = Path(__file__).parent / "broken"
POINTS = "ABCDEFGH"

CALLED, RECEIVED, DELIVERED, CLIMBED, FINISHED = 60.0, 8.0, 8.0, 25.0, 60.0
"""Real seconds: until the first call; from there until the centre's machine has an order; from there until a
terminal has one; from there until a chain has climbed; from there until an order is closed."""


class Line:
    """What the HTTP interface shows of the whole line."""

    def __init__(self, running: Program) -> None:
        self._admin = running.sign_in("admin")
        self._running = running
        self._seen: set[str] = set()

    def close(self) -> None:
        self._admin.close()

    def stories(self) -> list[dict[str, Any]]:
        """The whole story of every order that there was; contacts name them, also when they are closed."""
        contacts = self._get("/api/hotline/desk")["contacts"]
        self._seen |= {one["order_id"] for one in contacts}
        return [self._get(f"/api/orders/{order_id}") for order_id in sorted(self._seen)]

    def until(self, what: str, true: Any, within: float) -> list[dict[str, Any]]:
        """The stories for which it is true, as soon as there are any. AssertionError after `within` seconds."""
        deadline = SystemClock.monotonic() + within
        stories: list[dict[str, Any]] = []
        while SystemClock.monotonic() < deadline:
            stories = self.stories()
            if found := [story for story in stories if true(story)]:
                return found
            pause()
        states = {story["order"]["id"]: story["order"]["state"] for story in stories}
        raise AssertionError(f"{what}: not within {within:g} s; {states}\n{self._running.output()[-3000:]}")

    def _get(self, path: str) -> Any:
        answer = self._admin.get(path)
        answer.raise_for_status()
        return answer.json()


def pause() -> None:
    from threading import Event

    Event().wait(0.4)


def check_the_line(running: Program) -> None:
    """The check of this file: the same for the whole program and for a broken one."""
    with closing(Line(running)) as line:
        follow(line)


def follow(line: Line) -> None:
    """From stage to stage, each with its own patience: a failure says which one did not come."""
    line.until("a customer has called", has_point("A"), CALLED)
    line.until("a machine at the centre has an order", has_point("C"), RECEIVED)
    line.until("a terminal has an order", has_point("E"), DELIVERED)
    line.until("a missed acknowledgement climbs to the leader", climbs, CLIMBED)
    closed = line.until("an order is closed", lambda s: s["order"]["state"] == "closed", FINISHED)
    for story in closed:
        every_point_is_set_in_order(story)
        machines_gave_the_receipts(story)
        segments_sum_to_the_whole(story)
    said = "the crew that did not answer has acknowledged after all"
    for story in line.until(said, woken, FINISHED):
        every_attempt_is_kept(story)


def has_point(point: str) -> Any:
    return lambda story: point in story["order"]["points"]


def climbs(story: dict[str, Any]) -> bool:
    return {"crew_duty", "leader1"} <= {attempt.get("to") for attempt in phone_attempts(story)}


def woken(story: dict[str, Any]) -> bool:
    return climbs(story) and "F" in story["order"]["points"]


def phone_attempts(story: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in story["attempts"] if one.get("channel") == "phone"]


def every_point_is_set_in_order(story: dict[str, Any]) -> None:
    points = story["order"]["points"]
    assert sorted(points) == list(POINTS)
    times = [points[name] for name in POINTS]
    assert times == sorted(times)


def machines_gave_the_receipts(story: dict[str, Any]) -> None:
    by = {event["kind"]: event["by"]["role"] for event in story["events"]}
    assert by["centre_receipt"] == "system"
    assert by["receipt"] == "device"


def segments_sum_to_the_whole(story: dict[str, Any]) -> None:
    spent = sum(interval["seconds"] for interval in story["intervals"])
    assert spent == pytest.approx(story["order"]["total_s"], abs=0.001)
    assert story["order"]["recorded"]
    assert story["order"]["satisfied"] is not None


def every_attempt_is_kept(story: dict[str, Any]) -> None:
    outcomes = {attempt["state"] for attempt in phone_attempts(story)}
    assert "dialling" in outcomes
    assert outcomes & {"no_answer", "machine"}  # in this scenario nobody presses a key
    assert all(attempt["number"] and attempt["at"] for attempt in phone_attempts(story))


def test_one_order_from_call_to_close_and_a_missed_acknowledgement_that_climbs(tmp_path: Path) -> None:
    with program(tmp_path / "data", "--speed", str(SPEED), environment=DEMO) as running:
        check_the_line(running)
        health = httpx.get(f"{running.address}/healthz", trust_env=False).json()
        assert health["status"] == "ok", health
        assert "Traceback" not in running.output()


MISSING = {
    "gateway": "a terminal has an order",
    "outbox": "a machine at the centre has an order",
    "receipt": "a terminal has an order",
}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the same check says of three programs with one broken part each, all at once to be quick."""

    def failure(part: str) -> str:
        environment = {**DEMO, "DISPATCH45_TEST_BREAKS": part, "PYTHONPATH": str(BROKEN)}
        data = tmp_path_factory.mktemp(part) / "data"
        with program(data, "--speed", str(SPEED), environment=environment) as running:
            try:
                check_the_line(running)
            except AssertionError as error:
                return str(error)
        return ""

    with ThreadPoolExecutor(len(MISSING)) as threads:
        return dict(zip(MISSING, threads.map(failure, MISSING), strict=True))


@pytest.mark.parametrize(("part", "missing"), MISSING.items())
def test_a_broken_part_breaks_the_line(failures: dict[str, str], part: str, missing: str) -> None:
    assert failures[part].startswith(missing), failures[part] or "the check did not notice"
