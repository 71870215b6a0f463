"""Calls over SIP to SIPp, a peer that nobody here has written: each scenario is a file beside this one."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dispatch.processes import until
from tests.dispatch.telephones import KINDS, account, needs, telephone, tone

pytestmark = [needs("baresip", "sipp"), pytest.mark.timeout(120)]
SCENARIOS = Path(__file__).parent / "sipp"
N = "100"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def sipp(scenario: str, folder: Path, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """SIPp waiting for one call; its port."""
    port = _free_port()
    command = [
        "sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1",
        "-mp", str(_free_port()), "-m", "1", "-timeout", "40", "-timeout_error", "-nostdin", "-trace_err", *options,
    ]  # fmt: skip
    with (folder / "sipp.txt").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
    try:
        table = Path("/proc/net/tcp" if options else "/proc/net/udp")
        until(lambda: f":{port:04X} " in table.read_text())
        yield port, process
    finally:
        process.kill()
        process.wait()


def errors(folder: Path) -> str:
    """What SIPp has to say."""
    return "".join(f.read_text() for f in folder.glob("*errors.log"))


EXPECTED = {
    "key_by_rfc2833": ["ringing", "answered", "keypress 1", "completed"],
    "key_by_info": ["ringing", "answered", "keypress 1", "completed"],
    "no_key": ["ringing", "answered", "completed"],
    "never_answers": ["ringing", "no_answer"],
    "busy": ["busy"],
    "rejects": ["rejected"],
    "digest": ["ringing", "answered", "keypress 1", "completed"],
}


OWN_CALLERS = ("key_by_rfc2833", "never_answers", "digest")
"""What is enough to see that our own caller speaks SIP as others do; the rest is in test_phone_sip.py for both."""


@pytest.mark.parametrize(
    ("kind", "scenario"),
    [(KINDS[0], name) for name in EXPECTED] + [(KINDS[1], name) for name in OWN_CALLERS],
)
async def test_what_sipp_does_is_reported_as_it_was(kind: str, scenario: str, tmp_path: Path) -> None:
    if scenario == "key_by_rfc2833" and os.geteuid():
        pytest.skip("SIPp plays captures through a raw socket, which only root may open")
    with sipp(scenario, tmp_path) as (port, process):
        who = account(port, user="desk", password="secret") if scenario == "digest" else account(port)
        ring = 1.5 if scenario == "never_answers" else 15.0
        if any(state.startswith("keypress") for state in EXPECTED[scenario]):
            tone(tmp_path / "recordings" / "en.wav", 10.0)  # a busy machine's SIPp presses late
        async with telephone(kind, tmp_path, who, ring) as rig:
            await rig.phone.ring("call-1", N, "en", "press 1")
            assert await rig.ended("call-1") == EXPECTED[scenario]
            assert process.wait(20) == 0, f"SIPp did not see its scenario to the end; {errors(tmp_path)}"


async def test_an_exchange_that_speaks_tcp(tmp_path: Path) -> None:
    with sipp("key_by_info", tmp_path, "-t", "t1") as (port, _):
        async with telephone("baresip", tmp_path, replace(account(port), transport="tcp")) as rig:
            await rig.phone.ring("call-1", N, "en", "press 1")
            assert await rig.ended("call-1") == EXPECTED["key_by_info"]


async def test_sipp_refuses_who_does_not_know_the_password(tmp_path: Path) -> None:
    with sipp("digest", tmp_path) as (port, _):
        async with telephone("baresip", tmp_path, account(port, user="desk", password="guessed")) as rig:
            await rig.phone.ring("call-1", N, "en", "press 1")
            assert await rig.ended("call-1") == ["rejected"]
