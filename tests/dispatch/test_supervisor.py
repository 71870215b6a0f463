"""The supervisor over real processes: they are kept running, and none is left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.core.errors import BadInput, Unavailable
from dispatch.settings import Settings
from dispatch.supervisor import PORTS, _plan, check_ports, own_data
from tests.dispatch.processes import alive, children_of, free_ports, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Run:
    """One supervisor over stand-in programs."""

    def __init__(self, data: Path, *which: str) -> None:
        self.screen = data / "screen"
        data.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.dispatch.supervised", str(data), str(free_ports()), *which]
        with self.screen.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

    def shows(self, pattern: str, times: int = 1) -> bool:
        return len(re.findall(pattern, self.screen.read_text())) >= times

    def worker(self) -> int:
        """The process number that the stand-in worker said last."""
        return int(re.findall(r"worker (\d+) lives", self.screen.read_text())[-1])

    def end(self, number: signal.Signals) -> float:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    started = Run(tmp_path / "data", *getattr(request, "param", ()))
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.wait()


def test_says_where_it_answers_and_who_can_sign_in(run: Run) -> None:
    until(lambda: run.shows("Dispatch45 is ready: http://127.0.0.1:"))
    until(lambda: run.shows("dispatcher +wang +secret"))
    until(lambda: run.shows("worker +[|] worker .* lives"))


def test_a_dead_process_is_started_again_and_that_is_said(run: Run) -> None:
    until(lambda: run.shows("worker .* lives"))
    os.kill(run.worker(), signal.SIGKILL)
    until(lambda: run.shows("worker was ended by SIGKILL; starting it again in 1 s"))
    until(lambda: run.shows("worker .* lives", times=2))
    os.kill(run.worker(), signal.SIGKILL)
    until(lambda: run.shows("worker was ended by SIGKILL; starting it again in 2 s"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_end_leaves_no_process(run: Run, number: signal.Signals) -> None:
    until(lambda: run.shows("is ready"))
    until(lambda: run.shows("worker .* lives"))
    started = children_of(run.process.pid)
    assert len(started) == 3
    assert run.end(number) == 0
    assert not [process for process in started if alive(process)]
    assert run.shows("worker says goodbye")
    assert run.shows("Stopped")


@pytest.mark.parametrize("run", [("stubborn",)], indirect=True)
def test_one_that_does_not_end_is_killed(run: Run) -> None:
    until(lambda: run.shows("stubborn lives"))
    started = children_of(run.process.pid)
    assert run.end(signal.SIGINT) == 0
    assert run.shows("stubborn does not end by itself: killed")
    assert not [process for process in started if alive(process)]


def test_a_killed_supervisor_takes_everything_with_it(run: Run) -> None:
    until(lambda: run.shows("is ready"))
    until(lambda: run.shows("worker .* lives"))
    started = children_of(run.process.pid)
    run.end(signal.SIGKILL)
    until(lambda: not [process for process in started if alive(process)])


@pytest.mark.parametrize("after", ["the first process", "worker .* lives", ""])
def test_an_end_in_the_middle_of_the_start_leaves_no_process(run: Run, after: str) -> None:
    until(lambda: run.shows(after) if after != "the first process" else children_of(run.process.pid))
    started = children_of(run.process.pid)
    code = run.end(signal.SIGTERM)
    assert code in {
        0,
        -signal.SIGTERM,
    }  # the latter before it listens to signals: its lifeline ends the others
    until(lambda: not [process for process in started if alive(process)])


def test_output_is_kept_in_a_log_for_each_process(run: Run) -> None:
    until(lambda: run.shows("worker .* lives"))
    assert (run.screen.parent / "logs" / "worker.log").read_text().endswith("lives\n")


def test_a_busy_port_is_named_with_what_to_do() -> None:
    first = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", first + 2))
        other.listen()
        with pytest.raises(Unavailable, match=rf"Port {first + 2} .* not free.*--port N"):
            check_ports("127.0.0.1", first)
    check_ports("127.0.0.1", first)
    assert PORTS == 9


def test_a_port_that_is_taken_for_datagrams_only_is_named_too() -> None:
    first = free_ports()
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", first + 5))
        with pytest.raises(Unavailable, match=f"Port {first + 5} "):
            check_ports("127.0.0.1", first)


def test_a_policy_of_the_disk_that_is_none_is_named() -> None:
    with pytest.raises(BadInput, match="DISPATCH45_FSYNC: found never, expected always or everysec"):
        _plan(Settings(fsync="never"), [])


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match="--host"):
        check_ports("no such host", 8045)


def test_an_unwritable_data_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    with (
        pytest.raises(Unavailable, match=r"Cannot write to the data folder .*--data DIR"),
        own_data(in_the_way / "data"),
    ):
        pass


def test_two_runs_cannot_share_a_data_folder(tmp_path: Path) -> None:
    with own_data(tmp_path), pytest.raises(Unavailable, match="already running"), own_data(tmp_path):
        pass
    with own_data(tmp_path):
        pass
