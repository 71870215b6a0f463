"""OwnTracks by HTTP: who a phone is, what it says, and an empty list when that is durable."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gps_gateway.codec import Rejected, Report, Status, Unsupported
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS, Web
from gps_gateway.protocols.owntracks import parse
from tests.gps_gateway.conftest import Centre, RealServer
from tests.gps_gateway.golden import golden, packet
from tests.gps_gateway.raw_terminal import DEVICE
from tests.gps_gateway.real_packets import needs_packets, requests

PHONE = {"X-Limit-U": "zhang", "X-Limit-D": "phone"}
HERE: dict[str, Any] = {
    "_type": "location",
    "lat": 39.9,
    "lon": 116.4,
    "tst": 1735776184,
    "acc": 15,
    "alt": 50,
    "batt": 46,
    "bs": 2,
    "vel": 36,
    "cog": 90,
    "t": "u",
    "tid": "5t",
}


@pytest.fixture
async def phone(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['owntracks']}") as client:
        yield client


def read(message: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    found = {name.lower(): value for name, value in (PHONE if headers is None else headers).items()}
    return parse("", found, json.dumps(message).encode())


def test_a_location() -> None:
    report = read(HERE)
    assert isinstance(report, Report)
    assert report.device == "zhang/phone"
    (fix,) = report.fixes
    assert (fix.time, fix.lat, fix.lon, fix.valid) == (1735776184, 39.9, 116.4, True)
    assert (fix.speed_mps, fix.course_deg, fix.altitude_m) == (pytest.approx(10.0), 90, 50)
    expected = {"accuracy_m": 15, "battery_pct": 46, "charging": True, "trigger": "u"}
    assert fix.attributes == expected


@pytest.mark.parametrize("row", golden("owntracks"), ids=lambda row: row["source"])
def test_golden_messages(row: dict[str, Any]) -> None:
    event = parse("", {}, packet(row))
    (expected,) = row["events"]
    assert (type(event).__name__.lower(), event.device) == (expected.pop("type"), expected.pop("device"))
    (said,) = event.fixes if isinstance(event, Report) else (event,)
    assert said.attributes.items() >= expected.pop("attributes").items()
    assert {name: getattr(said, name) for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize(
    ("created", "device_time"),
    [(1735777000, 1735777000), (None, None), (-1, None), ("soon", None), (1e12, None), (True, None)],
)
def test_when_the_phone_made_the_message_is_kept_apart(created: object, device_time: float | None) -> None:
    (fix,) = read(HERE if created is None else HERE | {"created_at": created}).fixes
    assert (fix.time, fix.device_time) == (1735776184, device_time)


@pytest.mark.parametrize(
    ("headers", "message", "device"),
    [
        (PHONE, {"topic": "owntracks/li/tablet"}, "zhang/phone"),
        ({}, {"topic": "owntracks/li/tablet"}, "li/tablet"),
        ({}, {"topic": "owntracks/li/tablet/event"}, "li/tablet"),
        ({}, {}, "5t"),
        ({"X-Limit-U": "zhang"}, {}, "5t"),
    ],
)
def test_who_a_phone_is(headers: dict[str, str], message: dict[str, str], device: str) -> None:
    assert read(HERE | message, headers).device == device


def test_a_transition_is_a_position_with_an_alarm() -> None:
    report = read({**HERE, "_type": "transition", "event": "leave", "desc": "depot"})
    assert isinstance(report, Report)
    assert report.fixes[0].attributes.items() >= {"alarm": "geofence_exit", "event": "leave depot"}.items()


def test_what_is_no_position() -> None:
    lwt = read({"_type": "lwt", "tst": 1735776184})
    assert lwt == Status(device="zhang/phone", mark=lwt.mark, attributes={"event": "lwt"}, time=1735776184)
    assert isinstance(read({"_type": "waypoints"}), Unsupported)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "not an object"),
        (b'{"_type":"location","lat":1,"lon":2}', "no device"),
        (b'{"_type":"location","tid":"ab","lat":91,"lon":2}', "no place"),
        (b'{"_type":"location","tid":"ab","lat":"north","lon":2}', "no place"),
        (b'{"_type":"location","tid":"ab","lat":1' + b"0" * 400 + b',"lon":2}', "no place"),
        (b'{"_type":"encrypted","tid":"ab","data":"x"}', "encrypted"),
        (b"[" * 60_000, "not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, reason: str) -> None:
    rejected = parse("", {}, body)
    assert isinstance(rejected, Rejected)
    assert reason in rejected.reason


async def test_the_answer_is_an_empty_list_when_the_position_is_stored(
    phone: httpx.AsyncClient, centre: Centre, server: RealServer
) -> None:
    ours = HERE | {"tid": DEVICE, "created_at": 1735777000}
    answer = await phone.post("/", json=ours)
    assert (answer.status_code, answer.text) == (200, "[]")
    (stored,) = await centre.positions()
    assert (stored.device, stored.protocol, stored.fix_time) == (DEVICE, "owntracks", 1735776184)
    assert stored.device_time == 1735777000
    assert (await phone.post("/", json={"_type": "lwt", "tid": DEVICE})).text == "[]"
    assert (await phone.post("/", json=HERE, headers=PHONE)).status_code == 404
    assert (await phone.post("/", content=b"{")).status_code == 400
    server.stop()
    assert (await phone.post("/", json=ours)).status_code == 503


@needs_packets
@pytest.mark.parametrize("name", ["OsmAnd", "OwnTracks"])
def test_real_requests(name: str) -> None:
    protocol = PROTOCOLS[name.lower()]
    assert isinstance(protocol, Web)
    for request, query, body in requests(name):
        event = protocol.parse(query, {}, body)
        match request["check"]:
            case "verifyPosition":
                assert isinstance(event, Report), request
            case "verifyNotNull":
                assert isinstance(event, Status), request
            case _:
                assert isinstance(event, Rejected), request
