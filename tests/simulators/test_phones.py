"""The exchange over HTTP: its contract with the centre, and what it does when the centre fails."""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatch.clock import SystemClock, VirtualClock
from dispatch.core.errors import BadInput, Unavailable
from dispatch.settings import Settings, to_environment
from simulators.exchange import Exchange
from simulators.people import People
from simulators.phone_callbacks import Callbacks, token
from simulators.phone_log import PhoneLog
from simulators.phone_service import PhoneService
from simulators.phones import application, exchange

SECRET = "s3cret"
NUMBER = "13800138000"
START = SystemClock().now()


class Centre:
    """The other side: keeps callbacks; can be made to fail."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.fail_next = 0
        self.tries = 0
        self.app = Starlette(routes=[Route("/cb", self.hear, methods=["POST"])])

    async def hear(self, request: Request) -> Response:
        self.tries += 1
        body = await request.body()
        wanted = hmac.new(SECRET.encode(), body, sha256).hexdigest()
        assert request.headers["x-dispatch45-signature"] == wanted
        if self.fail_next:
            self.fail_next -= 1
            return Response(status_code=503)
        self.heard.append(json.loads(body))
        return Response(status_code=204)

    def states(self) -> list[str]:
        return [event["state"] for event in self.heard]


class Bench:
    """A service whose time the test moves, its client, and the centre."""

    def __init__(self, folder: Path, centre: Centre, pauses: tuple[float, ...] = (0.01,) * 5) -> None:
        self.clock = VirtualClock(START)
        self.log_file = folder / "phones" / "log.jsonl"
        client = httpx.AsyncClient(transport=httpx.ASGITransport(centre.app))
        self.service = PhoneService(
            Exchange(People(1)),
            self.clock,
            PhoneLog(self.log_file),
            lambda tell: Callbacks(SECRET, client, tell, pauses),
        )
        app = application(self.service, SECRET)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://exchange",
            headers={"Authorization": f"Bearer {token(SECRET)}"},
        )

    async def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.service.pass_time()
        await self.service.callbacks.settled()

    async def dial(self, call_id: object = "c1", **more: object) -> httpx.Response:
        body = {
            "call_id": call_id,
            "number": NUMBER,
            "language": "zh-CN",
            "prompt": "请接单",
            "callback_url": "http://centre/cb",
            "ring_seconds": 25,
        }
        return await self.client.post("/calls", json={**body, **more})

    async def behave(self, behaviour: str) -> None:
        answer = await self.client.put(
            f"/numbers/{NUMBER}", json={"behaviour": behaviour, "answer_after": 5, "key_after": 4}
        )
        assert answer.status_code == 204


@asynccontextmanager
async def bench_in(folder: Path, centre: Centre, **more: Any) -> AsyncIterator[Bench]:
    bench = Bench(folder, centre, **more)
    yield bench
    await bench.client.aclose()
    await bench.service.close()


@pytest.fixture
def centre() -> Centre:
    return Centre()


@pytest.fixture
async def bench(tmp_path: Path, centre: Centre) -> AsyncIterator[Bench]:
    async with bench_in(tmp_path, centre) as standing:
        yield standing


async def test_a_call_is_told_state_by_state(bench: Bench, centre: Centre) -> None:
    await bench.behave("answer_key_1")
    answer = await bench.dial()
    assert (answer.status_code, answer.json()) == (201, {"call_id": "c1", "state": "dialling"})
    await bench.pass_time(60)
    assert centre.states() == ["ringing", "answered", "keypress", "completed"]
    assert centre.heard[2] | {"at": ""} == {
        "call_id": "c1",
        "number": NUMBER,
        "seq": 3,
        "state": "keypress",
        "digit": "1",
        "at": "",
    }
    assert centre.heard[2]["at"] == (START + timedelta(seconds=10)).isoformat().replace("+00:00", "Z")


async def test_the_same_call_again_rings_nobody(bench: Bench, centre: Centre) -> None:
    await bench.behave("no_answer")
    await bench.dial()
    await bench.pass_time(2)
    again = await bench.dial()
    assert (again.status_code, again.json()) == (200, {"call_id": "c1", "state": "ringing"})
    await bench.pass_time(100)
    assert centre.states() == ["ringing", "no_answer"]
    assert (await bench.dial(number="13900139000")).status_code == 409


async def test_hanging_up_cuts(bench: Bench, centre: Centre) -> None:
    await bench.behave("answer_no_key")
    await bench.dial()
    await bench.pass_time(8)
    for _ in range(2):
        answer = await bench.client.delete("/calls/c1")
        assert (answer.status_code, answer.json()["state"]) == (200, "cut")
    await bench.pass_time(100)
    assert centre.states() == ["ringing", "answered", "cut"]
    assert (await bench.client.delete("/calls/none")).status_code == 404
    assert (await bench.client.get("/calls/c1")).json()["states"][-1]["state"] == "cut"


async def test_a_callback_is_retried_and_the_order_kept(bench: Bench, centre: Centre) -> None:
    await bench.behave("answer_key_1")
    centre.fail_next = 4
    await bench.dial()
    await bench.pass_time(60)
    assert [event["seq"] for event in centre.heard] == [1, 2, 3, 4]
    assert centre.tries == 8


async def test_a_callback_given_up_stands_in_the_log(tmp_path: Path, centre: Centre) -> None:
    async with bench_in(tmp_path, centre, pauses=(0.01,)) as bench:
        await bench.behave("busy")
        centre.fail_next = 2
        await bench.dial()
        await bench.pass_time(60)
        (call,) = (await bench.client.get("/log")).json()["calls"]
    assert centre.heard == []
    assert [state["callback"] for state in call["states"]] == ["given_up"]


async def test_the_log_survives_and_live_calls_have_failed_after_a_restart(
    tmp_path: Path, centre: Centre
) -> None:
    async with bench_in(tmp_path, centre) as bench:
        await bench.behave("answer_no_key")
        await bench.dial("lost")
        await bench.pass_time(8)
    with bench.log_file.open("ab") as file:
        file.write(b'{"kind":"call","requ')  # killed in the middle of a line
    async with bench_in(tmp_path, centre) as again:
        running = asyncio.create_task(again.service.run())
        await asyncio.sleep(0.01)
        await again.service.callbacks.settled()
        assert (await again.dial("lost")).status_code == 200
        assert (await again.dial("next")).status_code == 201
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert centre.states()[:3] == ["ringing", "answered", "failed"]
    lines = [line for line in bench.log_file.read_text().splitlines() if '"next"' in line]
    assert json.loads(lines[0])["request"]["call_id"] == "next"


async def test_what_was_not_delivered_is_delivered_after_a_restart(tmp_path: Path, centre: Centre) -> None:
    async with bench_in(tmp_path, centre, pauses=(60,)) as bench:
        await bench.behave("busy")
        centre.fail_next = 1
        await bench.dial()
        bench.clock.advance(60)
        bench.service.pass_time()
        await asyncio.sleep(0.05)
    assert (centre.tries, centre.heard) == (1, [])
    async with bench_in(tmp_path, centre) as again:
        running = asyncio.create_task(again.service.run())
        await asyncio.sleep(0.01)
        await again.service.callbacks.settled()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert centre.states() == ["busy"]


async def test_nobody_without_the_token(bench: Bench) -> None:
    for headers in ({"Authorization": "Bearer wrong"}, {"Authorization": ""}):
        answer = await bench.client.get("/log", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "forbidden")
    assert (await bench.client.get("/healthz", headers={"Authorization": ""})).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"ring_seconds": 0},
        {"ring_seconds": "long"},
        {"call_id": ""},
        {"callback_url": "ftp://x"},
        {"language": "fr"},
        {"extra": 1},
    ],
)
async def test_a_request_that_cannot_be_used_is_refused(bench: Bench, more: dict[str, object]) -> None:
    answer = await bench.dial(**more)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert (await bench.client.get("/log")).json() == {"calls": []}


async def test_habits_are_checked(bench: Bench) -> None:
    answer = await bench.client.put(f"/numbers/{NUMBER}", json={"behaviour": "sings"})
    assert answer.status_code == 422


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - 4
        yield to_environment(Settings(data=tmp_path, port=port, secret=SECRET))


def test_the_command_says_which_port_is_taken(environment: dict[str, str]) -> None:
    result = CliRunner().invoke(exchange, env=environment)
    assert isinstance(result.exception, Unavailable)
    assert environment["DISPATCH45_PORT"] != ""
    assert "cannot listen on 127.0.0.1:" in result.exception.message


def test_the_command_says_that_it_has_no_secret(environment: dict[str, str]) -> None:
    result = CliRunner().invoke(exchange, env={**environment, "DISPATCH45_SECRET": ""})
    assert isinstance(result.exception, BadInput)
    assert "no secret" in result.exception.message
