"""Devices by HTTP as technicians see them: what they sent, what it means, what they heard, and no secrets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from dispatch.adapters.redis.device_window import OneDevice, RedisDeviceWindow
from gps_gateway.gateway import Gateway
from gps_gateway.phones import Phones
from gps_gateway.redaction import hidden, secret
from tests.gps_gateway.conftest import Centre

GOOD = "/?id=7&lat=39.9&lon=116.4&timestamp=1735776184"


@pytest.fixture
async def phone(gateway: Gateway, centre: Centre) -> AsyncIterator[httpx.AsyncClient]:
    await centre.register("7")
    await asyncio.sleep(0.2)  # until the gateway listens for those who look
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['osmand']}") as client:
        yield client


async def look(gateway: Gateway, centre: Centre, device: str = "7") -> OneDevice:
    """What the page gets; twice, because the first look is what the gateway is told by."""
    window = RedisDeviceWindow(centre.redis)
    await window.one(device)
    await asyncio.sleep(0.2)
    await gateway.window.write()
    return await window.one(device)


async def test_requests_are_shown_beside_their_meaning_and_answer(
    gateway: Gateway, centre: Centre, phone: httpx.AsyncClient
) -> None:
    assert (await phone.get(GOOD)).status_code == 200
    before = await look(gateway, centre)  # what came before anybody looked
    assert [(one.sent, one.raw.split(b"\n")[0]) for one in before.frames] == [
        (False, b"GET " + GOOD.encode()), (True, b"200 ")
    ]  # fmt: skip
    assert '"type":"Report"' in before.frames[0].meant[0]
    assert '"lat":39.9' in before.frames[0].meant[0]
    body = {"location": {"coords": {"latitude": 1, "longitude": 2}}, "device_id": "7"}
    assert (await phone.post("/", json=body)).status_code == 200
    await gateway.window.write()
    after = await RedisDeviceWindow(centre.redis).one("7")
    assert len(after.frames) == 4
    assert b'"latitude":' in after.frames[2].raw
    assert b"content-type: application/json" in after.frames[2].raw
    assert after.state is not None
    assert (after.state.frames, after.state.protocol, after.state.address) == (2, "osmand", "127.0.0.1")


@pytest.mark.parametrize("form", [False, True])
async def test_rejects_are_shown_without_anybody_looking_and_counted_by_reason(
    gateway: Gateway, centre: Centre, phone: httpx.AsyncClient, form: bool
) -> None:
    for text in ("north", "south"):
        fields = {"id": "7", "lat": text, "lon": "1"}
        answer = await (phone.post("/", data=fields) if form else phone.get("/", params=fields))
        assert (answer.status_code, answer.text) == (400, f"lat '{text}' is no number")
    await gateway.window.write()
    seen = await RedisDeviceWindow(centre.redis).one("7")
    assert [one.sent for one in seen.frames] == [False, True, False, True]
    assert b"lat=north" in seen.frames[0].raw
    assert "is no number" in seen.frames[0].meant[0]
    assert seen.frames[1].raw == b"400 lat 'north' is no number"
    assert seen.state is not None
    assert seen.state.rejected == {"lat is no number": 2}
    assert gateway.counted("osmand").reasons == {"lat is no number": 2}


async def test_what_names_nobody_is_found_by_its_address(
    gateway: Gateway, centre: Centre, phone: httpx.AsyncClient
) -> None:
    assert (await phone.get("/?lat=1&lon=2")).status_code == 400
    assert (await phone.post("/", content=b" " * 70_000)).status_code == 413
    await gateway.window.write()
    (stranger,) = (await RedisDeviceWindow(centre.redis).all()).strangers
    assert (stranger.name, stranger.why, stranger.protocol) == ("127.0.0.1", "rejected", "osmand")
    assert b"lat=1" in stranger.frames[0].raw
    assert gateway.counted("osmand").reasons == {"id is missing": 1, "too long": 1}


async def test_secrets_are_neither_shown_nor_logged_nor_stored(
    gateway: Gateway, centre: Centre, phone: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {
        "Authorization": "Basic hunter2",
        "Cookie": "hunter2",
        "X-Limit-U": "zhang",
        "X-Limit-D": "phone",
    }
    with caplog.at_level(logging.DEBUG, logger="gps_gateway"):
        await phone.get(GOOD + "&password=hunter2&code=hunter2&api%5fkey=hunter2&note=hello", headers=headers)
        await phone.post("/", data={"id": "7", "lat": "1", "lon": "2", "token": "hunter2"}, headers=headers)
        await phone.post("/", json={"device_id": "7", "password": 'a"hunter2'})
        await phone.get("/?id=nobody&lat=1&lon=2&pwd=hunter2")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['owntracks']}") as other:
            said = {"_type": "lwt", "secret": "hunter2"}
            await other.post("/", json=said, headers=headers)
    seen = await look(gateway, centre)
    everything = await RedisDeviceWindow(centre.redis).all()
    assert len(seen.frames) >= 6
    shown = f"{seen} {everything} {await centre.positions()} {await centre.events()}"
    assert "hunter2" not in shown + caplog.text
    assert "note" in shown
    assert "password=***" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /?id=7&pass=x&passenger=2", "GET /?id=7&pass=***&passenger=2"),
        ("authCode=1;lat=2", "authCode=***;lat=2"),
        (
            '{"tid": "ab", "access_token" : "x\\"y", "lat": 1}',
            '{"tid": "ab", "access_token" : "***", "lat": 1}',
        ),
        ('{"pin": 1234, "p": "open', '{"pin": "***", "p": "open'),
        ('{"password": "cut o', '{"password": "***"'),
        ("a=b", "a=b"),
    ],
)
def test_secrets_are_known_by_their_names(text: str, shown: str) -> None:
    assert hidden(text) == shown


def test_what_trackers_say_is_no_secret() -> None:
    told = (
        "alarm",
        "dtc_codes",
        "driver_id",
        "event",
        "hacc",
        "keyOn",
        "accuracy",
        "code_reader",
        "signal",
        "pinned",
    )
    assert [name for name in told if secret(name)] == []


async def test_phones_are_bounded(
    gateway: Gateway, centre: Centre, phone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gps_gateway.phones.PHONES", 3)
    for n in range(6):
        await centre.register(f"p{n}")
        await phone.get(f"/?id=p{n}&lat=1&lon=2")
    phones: Phones = gateway.window.phones
    assert [*phones._phones] == ["p3", "p4", "p5"]
