"""The real program, started as a person starts it, on a data folder and ports of its own; ended with all it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.dispatch.processes import children_of, free_ports, until

STARTS = 90.0
"""Seconds that a start may take on a busy machine."""
ENDS = 30.0


@dataclass(frozen=True)
class Program:
    """A running program."""

    process: subprocess.Popen[bytes]
    port: int
    data: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """What it has said."""
        return (self.data / "said.txt").read_text("utf-8", "replace")

    def passwords(self) -> dict[str, str]:
        """Everybody's, by user name."""
        people = json.loads((self.data / "demo.json").read_text("utf-8"))["people"]
        return {one["username"]: one["password"] for one in people}

    def sign_in(self, username: str) -> httpx.Client:
        """A client of this person."""
        client = httpx.Client(base_url=self.address, timeout=20.0, trust_env=False)
        person = {"username": username, "password": self.passwords()[username]}
        try:
            client.post("/api/session", json=person).raise_for_status()
        except httpx.HTTPError:
            client.close()
            raise
        return client


@contextmanager
def program(data: Path, *options: str, environment: dict[str, str] | None = None) -> Iterator[Program]:
    """`dispatch45 up` with its pages answering, then its end with everything that it started."""
    port = free_ports()
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dispatch.cli", "up", "--port", str(port), "--data", str(data), *options]
    with (data / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    running = Program(process, port, data)
    try:
        until(lambda: _answers(running), STARTS)
        yield running
    finally:
        started = children_of(process.pid) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDS)
        finally:
            for child in [process.pid, *started]:
                _kill(child)
            process.wait()


def _answers(running: Program) -> bool:
    assert running.process.poll() is None, running.output()
    try:
        answer = httpx.get(f"{running.address}/healthz", timeout=5.0, trust_env=False)
    except httpx.TransportError:
        return False
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found.get("status") in {"ok", "starting", "degraded"}


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return
