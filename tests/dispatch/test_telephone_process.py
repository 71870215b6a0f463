"""The telephone as processes: the centre is told late rather than never, calls outlive whoever is killed."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatch.adapters.channels.phone_baresip import Baresip
from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.bootstrap import phone_test, sidecar
from dispatch.core.errors import Unavailable
from dispatch.settings import Settings, to_environment
from simulators.phone_callee import Habit, Telephones
from tests.dispatch.processes import children_of, free_ports, until
from tests.dispatch.telephones import account, needs, start, tone, true
from tests.program import Program, program

pytestmark = [needs("baresip"), pytest.mark.timeout(240)]
PRESSES_ON = Habit(keys=tuple((2.0 + at, "1") for at in range(30)))
"""Somebody who presses 1 until it is heard: while the process was away nobody did."""
N, SECRET = "+8610001", "the secret of this installation"


class Centre:
    """Takes callbacks, when it is there."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    @asynccontextmanager
    async def there(self) -> AsyncIterator[None]:
        app = Starlette(routes=[Route("/callbacks/phone", self._take, methods=["POST"])])
        server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error", lifespan="off"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server.serve())
        await true(lambda: server.started)
        yield
        server.should_exit = True
        await serving

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        expected = hmac.new(SECRET.encode(), body, sha256).hexdigest()
        assert request.headers["x-dispatch45-signature"] == expected
        self.told.append(json.loads(body))
        return Response("{}")


@contextmanager
def telephone_process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **to_environment(settings)}
    with (settings.data / "telephone.txt").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "dispatch.cli", "telephone"], env=environment, stdout=said, stderr=said
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def test_calls_and_reports_outlive_the_telephone_process_and_a_centre_that_is_away(
    tmp_path: Path,
) -> None:
    tone(tmp_path / "recordings" / "en.wav", 0.5)
    centre = Centre()
    async with Telephones({N: PRESSES_ON}).listening() as there:
        settings = Settings(
            data=tmp_path,
            port=free_ports(),
            secret=SECRET,
            phone_url=f"sip:127.0.0.1:{there.port}",
            phone_lines=3,
        )
        sidecar = start(Baresip(tmp_path, account(there.port, lines=3)))
        phone = RestPhone(
            f"http://127.0.0.1:{settings.phone_port}",
            SECRET,
            f"http://127.0.0.1:{centre.port}/callbacks/phone",
        )
        try:
            with telephone_process(settings):
                await _ready(phone)
                await phone.ring("call-1", N, "en", "press 1")
                await true(lambda: there.of(N) and there.of(N)[0].answered)
            with telephone_process(settings):  # the first was killed
                await _ready(phone)
                await phone.ring("call-1", N, "en", "press 1")
                async with centre.there():  # only now
                    await true(lambda: [one["state"] for one in centre.told][-1:] == ["completed"], within=20)
                states = [one["state"] for one in centre.told]
                assert states[:3] == ["ringing", "answered", "keypress"]
                assert [one["seq"] for one in centre.told] == list(range(1, len(states) + 1)), (
                    "in order, none twice"
                )
                assert len(there.calls) == 1
                stranger = RestPhone(f"http://127.0.0.1:{settings.phone_port}", "guessed", "")
                with pytest.raises(Unavailable, match="401"):
                    await stranger.ring("call-2", N, "en", "press 1")
                await stranger.close()
        finally:
            await phone.close()
            sidecar.kill()
            sidecar.wait()


async def _ready(phone: RestPhone) -> None:
    deadline = 400
    while not (await phone.state())[0]:
        deadline -= 1
        assert deadline, await phone.state()
        await asyncio.sleep(0.1)


async def test_ring_me_through_the_whole_program_and_a_sidecar_that_is_killed_and_then_gone(
    tmp_path: Path,
) -> None:
    """What is installed is on a PATH of the test's own, so that the sidecar can be taken away."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name in ("baresip", "espeak-ng", "sox"):
        if found := shutil.which(name):
            (bin_ / name).symlink_to(found)
    tone(tmp_path / "recordings" / "en.wav", 0.5)
    habits = {N: Habit(keys=((0.3, "1"),)), "100": Habit(refuse="486 Busy Here")}
    async with Telephones(habits).listening() as there:
        environment = {
            "DISPATCH45_ADMIN": "boss:a long password", "DISPATCH45_PHONE_PASSWORD": "Ridge-4711",
            "DISPATCH45_PHONE_URL": f"sip:desk@127.0.0.1:{there.port}", "DISPATCH45_PHONE_LINES": "3", "PATH": str(bin_),
        }  # fmt: skip
        await asyncio.to_thread(_in_a_thread, tmp_path, environment)
        assert [heard.number for heard in there.calls] == [N, "100", N]


def _in_a_thread(data: Path, environment: dict[str, str]) -> None:
    with program(data, "--empty", environment=environment) as running:
        _until_telephone(running, "ok")
        rung = _ring_me(running, N, environment)
        assert rung.returncode == 0, rung.stdout + rung.stderr
        assert "a key was pressed" in rung.stdout
        rung = _ring_me(running, "100", environment)
        assert rung.returncode == 1
        assert "ended: busy" in rung.stdout
        os.kill(_baresip_of(running), signal.SIGKILL)
        _until_telephone(running, "down")
        _until_telephone(running, "ok")
        assert _ring_me(running, N, environment).returncode == 0
        (Path(environment["PATH"]) / "baresip").unlink()
        assert _until_telephone(running, "down") == ("degraded", "baresip is not installed")
        rung = _ring_me(running, N, environment)
        assert (rung.returncode, "failed  baresip is not installed" in rung.stdout) == (1, True)
        said = running.output() + "".join(
            f.read_text("utf-8", "replace") for f in (data / "logs").glob("*.log")
        )
        assert "Ridge-4711" not in said


def _until_telephone(running: Program, state: str) -> tuple[str, str]:
    """The program's state and the telephone's reason, when the telephone has come to its."""
    answer: dict[str, Any] = {}

    def reached() -> bool:
        answer.update(httpx.get(f"{running.address}/healthz", timeout=20.0, trust_env=False).json())
        return bool(answer["parts"]["telephone"]["state"] == state)

    until(reached, 60)
    return answer["status"], answer["parts"]["telephone"]["reason"]


def _ring_me(running: Program, number: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "dispatch.cli", "phone", "test", number, "--language", "en",
        "--data", str(running.data), "--port", str(running.port),
    ]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, timeout=90, env={**os.environ, **environment}, check=False
    )


def _baresip_of(running: Program) -> int:
    return next(
        child for child in children_of(running.process.pid)
        if b"baresip" in Path(f"/proc/{child}/comm").read_bytes()
    )  # fmt: skip


def test_without_the_sidecar_the_start_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The supervisor is given no process to keep."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sidecar(Settings(data=tmp_path, phone_url="sip:desk@127.0.0.1:5060")) is None
    assert "baresip is not installed" in capsys.readouterr().err


async def test_a_ring_of_which_nothing_is_heard_says_what_is_likely_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Silent(RestPhone):
        async def look(self, call_id: str) -> dict[str, Any]:
            return {"state": "dialling", "states": []}

    monkeypatch.setattr(phone_test, "SILENCE", 0.1)
    monkeypatch.setattr(phone_test, "PATIENCE", 0.7)
    phone = Silent("http://127.0.0.1:9", SECRET, "")
    assert await phone_test._follow(phone, "call-1") is False
    await phone.close()
    assert capsys.readouterr().out.count("DISPATCH45_PUBLIC_URL") == 1
