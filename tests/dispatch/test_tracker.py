"""The installation's time while clocks are stepped, drift and sleep: fed readings, and the machine's real clocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dispatch.clock import InstallationClock, Machine, ScaledClock
from dispatch.tracker import LONGEST_OFF, SLEW, Mark, Reading, Tracker, resume

NOON = 1_800_000_000.0
HOUR = 3600.0


class Story(Machine):
    """A machine whose clocks do what the test says."""

    def __init__(self, wall: float = NOON, boot: float = 500.0, boot_id: str = "first life") -> None:
        self.wall, self.since, self.boot_id = wall, boot, boot_id

    def boot(self) -> float:
        return self.since

    def read(self) -> Reading:
        return Reading(self.wall, self.since)

    def passes(self, seconds: float, drift: float = 0.0) -> None:
        self.since += seconds
        self.wall += seconds * (1 + drift)

    def steps(self, seconds: float) -> None:
        self.wall += seconds


@pytest.mark.parametrize("step", [-HOUR, HOUR, -30 * 86_400.0, 0.6])
def test_a_step_of_the_machines_clock_moves_no_deadline(step: float) -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    before = clock.timestamp()
    machine.steps(step)
    machine.passes(240.0)
    assert clock.timestamp() - before == pytest.approx(240.0, abs=240.0 * SLEW + 0.01)
    (seen,) = clock.heard(None, clock.boot(), "", "")
    assert (seen.clock, seen.seconds) == ("machine", pytest.approx(step))
    assert clock.behind("machine") == pytest.approx(step, abs=240.0 * SLEW + 0.01)


@pytest.mark.parametrize("step", [-60.0, 60.0])
def test_a_step_is_made_up_for_at_a_bounded_rate_and_then_it_is_over(step: float) -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    machine.steps(step)
    last = clock.timestamp()
    for _ in range(1300):
        machine.passes(10.0)
        now = clock.timestamp()
        assert 10.0 * (1 - SLEW) - 1e-3 <= now - last <= 10.0 * (1 + SLEW) + 1e-3
        last = now
    assert clock.timestamp() == pytest.approx(machine.wall, abs=0.02)


def test_time_never_goes_back_whatever_the_machines_clock_does() -> None:
    machine = Story()
    clock, last = InstallationClock(machine=machine), 0.0
    for number in range(2000):
        machine.steps((-1) ** number * 37.0 * number)
        machine.passes(0.3)
        now = clock.timestamp()
        assert now > last
        last = now


def test_a_drifting_machine_is_followed_and_is_no_step() -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    for _ in range(5000):
        machine.passes(1.0, drift=200e-6)
        clock.timestamp()
    assert clock.heard(None, clock.boot(), "", "") == []
    assert clock.behind("machine") == pytest.approx(0.0, abs=0.02)


def test_a_machine_that_slept_has_caught_up_at_once() -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    machine.passes(3 * HOUR)  # nobody looked meanwhile; the seconds asleep count
    assert clock.timestamp() == NOON + 3 * HOUR
    assert clock.heard(None, clock.boot(), "", "") == []


def test_the_database_leads_and_its_step_is_slewed_too() -> None:
    machine = Story(wall=NOON + 5.0)
    clock = InstallationClock(database=NOON, machine=machine)
    assert clock.timestamp() == NOON
    assert clock.behind("machine") == pytest.approx(5.0)
    machine.steps(HOUR)  # the machine does not lead
    machine.passes(2.0)
    steps = clock.heard(NOON + 2.0, clock.boot(), "", "")
    assert [(s.clock, s.seconds) for s in steps] == [("machine", pytest.approx(HOUR))]
    assert clock.timestamp() == pytest.approx(NOON + 2.0)
    machine.passes(2.0)
    (step,) = clock.heard(NOON + 4.0 - HOUR, clock.boot(), "", "")
    assert (step.clock, step.seconds) == ("database", pytest.approx(-HOUR))
    assert clock.timestamp() == pytest.approx(NOON + 4.0, abs=0.05)


def test_a_slow_answer_of_the_database_is_not_heard() -> None:
    machine = Story()
    clock = InstallationClock(database=NOON, machine=machine)
    since = clock.boot()
    machine.passes(20.0)
    assert clock.heard(NOON + 19.0, since, "", "") == []
    assert clock.timestamp() == pytest.approx(NOON + 20.0)


def test_what_others_have_committed_is_not_in_the_future() -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    committed = str(Mark(NOON + 600.0, 1.0, NOON + 600.0, "another machine"))
    clock.heard(None, clock.boot(), committed, "")
    assert clock.timestamp() == NOON + 600.0
    clock.heard(None, clock.boot(), str(Mark(NOON - 600.0, 1.0, NOON, "another machine")), "")
    assert clock.timestamp() == NOON + 600.0


def test_somebody_confirms_the_stepped_clock_and_time_jumps_to_it() -> None:
    machine = Story()
    clock = InstallationClock(machine=machine)
    clock.heard(None, clock.boot(), "", "long ago")
    machine.steps(HOUR)
    clock.heard(None, clock.boot(), "", "long ago")
    assert clock.timestamp() == pytest.approx(NOON)
    clock.heard(None, clock.boot(), "", "now")
    assert clock.timestamp() == NOON + HOUR


def test_a_reading_that_was_interrupted_is_no_step() -> None:
    tracker = Tracker(Reading(NOON, 500.0))
    assert tracker.at(Reading(NOON + 3.0, 501.5, apart=3.0)) == NOON + 1.5
    assert not tracker.steps


@dataclass(frozen=True)
class Restart:
    """The mark says NOON; the machine was off for `off` seconds. How far its clock was stepped before the stop, and how
    far after it."""

    off: float
    before: float = 0.0
    after: float = 0.0
    expected: float = 0.0


@pytest.mark.parametrize(
    "story",
    [
        Restart(off=600, expected=600),
        Restart(off=7200, expected=7200),
        Restart(off=600, before=HOUR, after=-HOUR, expected=600),  # put right by the start
        Restart(off=600, before=-HOUR, after=HOUR, expected=600),
        Restart(off=600, before=HOUR, expected=600),  # still wrong
        Restart(off=600, before=-HOUR, expected=600),
        Restart(off=600, after=-HOUR, expected=0),  # nothing before the mark
        Restart(off=600, after=HOUR, expected=600 + HOUR),  # cannot be told from a longer night
        Restart(off=600, after=LONGEST_OFF, expected=0),  # a dead clock battery
        Restart(off=600, after=-NOON, expected=0),
    ],
    ids=str,
)
@pytest.mark.parametrize("led_by", ["machine", "database"])
def test_where_time_goes_on_after_the_machine_was_started_anew(story: Restart, led_by: str) -> None:
    mark = Mark(NOON, 99_000.0, NOON + story.before, "first life")
    says = NOON + story.before + story.off + story.after
    if led_by == "machine":
        found = resume(mark, Reading(says, 20.0), "second life")
    else:
        found = resume(mark, Reading(NOON + 77.0, 20.0), "second life", says)
    assert found - NOON == pytest.approx(story.expected)


@pytest.mark.parametrize("wrong", [-HOUR, HOUR, -NOON, 10 * LONGEST_OFF])
@pytest.mark.parametrize("database", [None, NOON + 5 * HOUR])
def test_a_process_started_anew_goes_on_by_the_seconds_since_the_machines_start(
    wrong: float, database: float | None
) -> None:
    machine = Story()
    kept = str(InstallationClock(machine=machine).mark())
    machine.passes(60.0)
    machine.steps(wrong)
    clock = InstallationClock(Mark.of(kept), database, machine)
    assert clock.timestamp() == pytest.approx(NOON + 60.0, abs=0.01)
    assert clock.behind("machine") == pytest.approx(wrong, abs=0.01)


def test_a_first_start_takes_the_databases_time_where_there_is_one() -> None:
    assert resume(None, Reading(NOON, 1.0), "") == NOON
    assert resume(None, Reading(NOON, 1.0), "", NOON + 9) == NOON + 9


def test_a_mark_is_read_as_it_was_written() -> None:
    mark = Mark(NOON + 0.25, 12.5, NOON, "life")
    assert Mark.of(str(mark)) == mark
    assert Mark.of(str(replace(mark, boot_id=""))) == replace(mark, boot_id="")
    assert Mark.of("") is None


def test_a_demonstration_is_not_stepped_either() -> None:
    machine = Story()
    source = InstallationClock(machine=machine)
    clock = ScaledClock(source.now(), source.now(), 10.0, source)
    before = clock.now()
    machine.steps(-HOUR)
    machine.passes(6.0)
    assert (clock.now() - before).total_seconds() == pytest.approx(60.0, abs=0.5)


def test_the_machines_own_clocks_are_close_and_pass() -> None:
    clock, machine = InstallationClock(), Machine()
    first = clock.timestamp()
    assert first == pytest.approx(machine.read().wall, abs=0.5)
    assert clock.timestamp() >= first
