"""OsmAnd and Traccar Client by HTTP: 200 only when durable, and an error that says what to mend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from dispatch.clock import SystemClock
from gps_gateway.codec import Rejected, Report, Status
from gps_gateway.gateway import Gateway
from gps_gateway.protocols.osmand import parse
from tests.gps_gateway.beacon import dial
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE

QUERY = f"id={DEVICE}&timestamp=1735776184&lat=39.9&lon=116.4&speed=10&bearing=90&altitude=50&batt=87"


@pytest.fixture
async def phone(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['osmand']}") as client:
        yield client


async def test_a_get_is_answered_when_its_position_is_stored(
    phone: httpx.AsyncClient, centre: Centre
) -> None:
    answer = await phone.get(f"/?{QUERY}")
    assert (answer.status_code, answer.text) == (200, "")
    (stored,) = await centre.positions()
    assert (stored.device, stored.protocol, stored.fix_time) == (DEVICE, "osmand", 1735776184)
    assert stored.speed_mps == pytest.approx(5.14444, abs=1e-4)  # 10 knots
    assert stored.attributes == {"battery_pct": 87.0}


async def test_a_form_and_a_json_body_are_the_same_report(phone: httpx.AsyncClient, centre: Centre) -> None:
    form = dict(pair.split("=") for pair in QUERY.split("&"))
    assert (await phone.post("/", data=form)).status_code == 200
    coords = {"latitude": 39.9, "longitude": 116.4, "speed": 5.1444, "heading": 90, "altitude": 50}
    location = {"timestamp": "2025-01-02T00:03:04.000Z", "coords": coords, "battery": {"level": 0.87}}
    assert (await phone.post("/", json={"location": location, "device_id": DEVICE})).status_code == 200
    first, second = await centre.positions()
    assert (first.fix_time, first.lat, first.lon) == (second.fix_time, second.lat, second.lon)
    assert first.attributes == second.attributes == {"battery_pct": 87.0}


async def test_an_unknown_phone_is_told_so(phone: httpx.AsyncClient) -> None:
    answer = await phone.get("/?id=nobody&lat=1&lon=2")
    assert (answer.status_code, answer.text) == (404, "device nobody is not registered")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("lat=60.0&lon=30.0", "id is missing"),
        (f"id={DEVICE}&lat=60.0", "lat and lon (or location) are missing"),
        (f"id={DEVICE}&lat=91&lon=0", "no place"),
        (f"id={DEVICE}&lat=nan&lon=0", "lat 'nan' is no number"),
        (f"id={DEVICE}&lat=1&lon=2&timestamp=yesterday", "timestamp 'yesterday'"),
        ("&".join(f"a{n}=1" for n in range(70)), "more than 64 parameters"),
    ],
)
async def test_a_bad_request_is_told_what_is_wrong(phone: httpx.AsyncClient, query: str, says: str) -> None:
    answer = await phone.get(f"/?{query}")
    assert answer.status_code == 400
    assert says in answer.text


async def test_too_long_a_body_is_refused(phone: httpx.AsyncClient) -> None:
    assert (await phone.post("/", content=b"{" + b" " * 70_000)).status_code == 413


async def test_what_cannot_be_stored_is_not_confirmed(
    phone: httpx.AsyncClient, server: RealServer, centre: Centre
) -> None:
    server.stop()
    assert (await phone.get(f"/?{QUERY}")).status_code == 503
    server.start()
    assert (await phone.get(f"/?{QUERY}")).status_code == 200
    assert len(await centre.positions()) == 1


@pytest.mark.parametrize(
    ("query", "time"),
    [
        ("id=1&lat=1&lon=2&timestamp=1377177267", 1377177267),
        ("id=1&lat=1&lon=2&timestamp=1442068686579", 1442068686.579),
        ("id=1&lat=49.6&lon=6.1&timestamp=2014-06-04+09%3A10%3A11", 1401873011),
        ("id=1&location=1.0,2.0&timestamp=2014-06-04T17:10:11%2B08:00", 1401873011),
        ("deviceid=1&lat=1&lon=2", None),
    ],
)
def test_times_in_every_form(query: str, time: float | None) -> None:
    report = parse(query, {}, b"")
    assert isinstance(report, Report)
    assert report.fixes[0].time == time


def test_what_a_phone_says_beyond_its_place() -> None:
    query = "id=1&lat=1&lon=2&ignition=true&rpm=933&fuel=24.5&hdop=0.8&driverUniqueId=007&hacc=5&note=a+b"
    report = parse(query, {}, b"")
    assert isinstance(report, Report)
    assert report.fixes[0].attributes == {
        "ignition": True,
        "rpm": 933.0,
        "fuel": 24.5,
        "hdop": 0.8,
        "driver_id": "007",
        "accuracy_m": 5.0,
        "note": "a b",
    }


def test_cells_without_a_place_are_a_status() -> None:
    status = parse("id=1&timestamp=1377177267&cell=257,02,16,2224", {}, b"")
    cell = {"mcc": 257, "mnc": 2, "lac": 16, "cell_id": 2224}
    assert status == Status(device="1", attributes=cell, time=1377177267)


def test_a_json_body_that_is_none_says_where() -> None:
    body = json.dumps({"location": {"coords": {"latitude": "north"}}}).encode()
    rejected = parse("", {}, body)
    assert isinstance(rejected, Rejected)
    assert "$.location.coords" in rejected.reason


async def test_a_body_that_was_cut_is_no_position(gateway: Gateway, centre: Centre) -> None:
    """`lon=11` of `lon=116.4` would be a place in Germany."""
    form = QUERY.partition("&speed")[0].encode()
    _, writer = await dial(gateway.ports["osmand"])
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(form)}\r\n"
    writer.write(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form[:-3])
    await writer.drain()
    writer.close()
    async with asyncio.timeout(3):
        while not gateway.counted("osmand").frames:
            await SystemClock().sleep(0.01)
    assert gateway.counted("osmand").reasons == {"incomplete": 1}
    assert await centre.positions() == []


async def test_who_never_ends_a_request_keeps_no_place(
    open_gateway: Open, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gps_gateway.http.SILENCE", 0.3)
    await centre.register("7")
    gateway = await open_gateway()
    ask = b"GET /?id=7&lat=39.9&lon=116.4 HTTP/1.1\r\nHost: x\r\n\r\n"
    begun = [
        b"",
        b"GET /?id=7",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nid",
        ask + b"GET /?",
    ]
    held = [await dial(gateway.ports["osmand"]) for _ in begun]
    for (_, writer), said in zip(held, begun, strict=True):
        writer.write(said)
    reader, writer = await dial(gateway.ports["osmand"])
    for _ in range(10):  # longer than the others may stay
        writer.write(ask)
        assert b"200" in await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 3)
        await asyncio.sleep(0.1)
    for silent, _ in held:
        await asyncio.wait_for(silent.read(), 1)
