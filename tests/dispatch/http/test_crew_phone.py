"""What the crew's phone brings beside its buttons: times by its own clock, photos, messages, positions, evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dispatch.adapters.photo_files import PhotoFiles
from dispatch.core.errors import Unavailable
from dispatch.core.position import Fix
from dispatch.core.track import Kept
from dispatch.messages import Position
from dispatch.services import delivery, photos
from dispatch.services.ways_out import Ports
from tests.dispatch.http.conftest import City
from tests.dispatch.organisation import EAST

JPEG = b"\xff\xd8\xff\xe0" + bytes(500)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def add(
    city: City, order_id: str, content: bytes, key: str, who: str = "carl", kind: str = "image/jpeg"
) -> Any:
    client = await city.person(who)
    headers = {"Content-Type": kind, "Idempotency-Key": key}
    return await client.post(f"/api/crew/orders/{order_id}/photos", content=content, headers=headers)


async def events(city: City, order_id: str, kind: str) -> list[dict[str, Any]]:
    story = (await city.get("dora", f"/api/orders/{order_id}")).json()
    return [e for e in story["events"] if e["kind"] == kind]


async def test_a_press_keeps_the_phones_clock_and_how_far_it_was_off(city: City) -> None:
    order_id = await city.order("dispatched")
    now = city.place.clock.now()
    wrong = now - timedelta(hours=3)
    pressed = now - timedelta(seconds=20)
    body = {"generation": 1, "at": pressed.isoformat(), "device_at": wrong.isoformat(), "offset_s": 10_780.0}
    answer = await city.post("carl", f"/api/crew/orders/{order_id}/acknowledge", body)
    assert answer.status_code == 200, answer.text
    (event,) = await events(city, order_id, "acknowledge")
    assert event["at"] == pressed.isoformat().replace("+00:00", "Z")
    assert event["recorded_at"] == now.isoformat().replace("+00:00", "Z")
    assert event["data"]["device_at"] == wrong.isoformat()
    assert event["data"]["offset_s"] == 10_780.0
    told = (await city.get("carl", f"/api/crew/orders/{order_id}/claims")).json()
    assert told == []  # acknowledging is no claim about the vehicle


async def test_a_press_that_was_taken_before_the_order_went_to_others_is_no_refusal(city: City) -> None:
    """The answer was lost; meanwhile the centre gave the order to E2. The phone is told that its press was taken."""
    order_id = await city.order("acknowledged")
    path, key = f"/api/crew/orders/{order_id}/depart", {"Idempotency-Key": "d1"}
    assert (await city.post("carl", path, {"generation": 1}, **key)).status_code == 200
    moved = {"crew_id": "E2", "reason": "nearer_crew"}
    assert (await city.post("dora", f"/api/orders/{order_id}/reassign", moved)).status_code == 200
    again = await city.post("carl", path, {"generation": 1}, **key)
    assert again.status_code == 409
    assert again.json()["error"]["facts"]["taken"] is True
    late = await city.post("carl", f"/api/crew/orders/{order_id}/arrive", {"generation": 1}, **key)
    assert late.status_code == 409
    assert "taken" not in late.json()["error"]["facts"]


async def test_a_photo_is_kept_once_and_shown_to_whoever_may_see_the_order(city: City) -> None:
    order_id = await city.order("on_scene")
    first = await add(city, order_id, JPEG, "p1")
    assert first.status_code == 200, first.text
    (name,) = first.json()["photos"]
    for key in ("p1", "p2"):  # the answer was lost; the same picture chosen twice
        assert (await add(city, order_id, JPEG, key)).json()["photos"] == [name]
    (event,) = await events(city, order_id, "photo")
    assert event["data"]["kind"] == "image/jpeg"
    assert event["data"]["bytes"] == len(JPEG)
    path = f"/api/orders/{order_id}/photos/{name}"
    for who in ("carl", "dora", "mona", "holly"):
        shown = await city.get(who, path)
        assert shown.content == JPEG
        assert shown.headers["content-type"] == "image/jpeg"
        assert "sandbox" in shown.headers["content-security-policy"]
        assert shown.headers["x-content-type-options"] == "nosniff"
    for who, status in (("cleo", 403), ("wanda", 403), ("wes", 403)):
        assert (await city.get(who, path)).status_code == status
    assert (await city.get("carl", f"/api/orders/{order_id}/photos/{'0' * 32}")).status_code == 404
    assert (await (await city.nobody()).get(path)).status_code == 401
    stack = (await city.get("carl", "/api/crew/stack")).json()
    assert (stack["username"], stack["photos"]) == ("carl", {order_id: 1})


async def test_a_former_crew_sees_its_own_photos_and_nothing_of_the_crew_after_it(city: City) -> None:
    order_id = await city.order("acknowledged")
    (mine,) = (await add(city, order_id, JPEG, "p1")).json()["photos"]
    moved = {"crew_id": "E2", "reason": "nearer_crew"}
    assert (await city.post("dora", f"/api/orders/{order_id}/reassign", moved)).status_code == 200
    both = (await add(city, order_id, PNG, "p2", who="cleo")).json()["photos"]
    (theirs,) = set(both) - {mine}
    path = f"/api/orders/{order_id}/photos"
    for who, name, status in (
        ("carl", mine, 200), ("carl", theirs, 404), ("cleo", mine, 200), ("cleo", theirs, 200), ("dora", theirs, 200),
    ):  # fmt: skip
        assert (await city.get(who, f"{path}/{name}")).status_code == status, (who, name)
    assert (await add(city, order_id, JPEG, "p1")).json()["photos"] == [mine]
    claims = f"/api/crew/orders/{order_id}/claims"
    assert (await city.get("cleo", claims)).status_code == 200
    refused = await city.get("carl", claims)
    assert (refused.status_code, refused.json()["error"]["facts"]["why"]) == (409, "not_yours")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"<svg onload=alert(1)>", "image/jpeg", 400), (b"MZ" + bytes(100), "image/png", 400),
        (b"", "image/jpeg", 400), (JPEG, "text/html", 400), (JPEG, "image/svg+xml", 400),
        (JPEG + bytes(photos.LARGEST), "image/jpeg", 413),
    ],
)  # fmt: skip
async def test_what_is_no_photo_is_refused_by_its_first_bytes(
    city: City, content: bytes, kind: str, status: int
) -> None:
    order_id = await city.order("on_scene")
    assert (await add(city, order_id, content, "k", kind=kind)).status_code == status
    assert await events(city, order_id, "photo") == []
    assert not (city.place.folder / "photos").exists()


async def test_the_kind_is_what_the_content_is_not_what_is_said(city: City) -> None:
    order_id = await city.order("on_scene")
    (name,) = (await add(city, order_id, PNG, "k", kind="image/jpeg")).json()["photos"]
    assert (await city.get("carl", f"/api/orders/{order_id}/photos/{name}")).headers[
        "content-type"
    ] == "image/png"


async def test_an_order_has_so_many_photos_and_no_more(city: City) -> None:
    order_id = await city.order("on_scene")
    for number in range(photos.MOST):
        assert (await add(city, order_id, JPEG + bytes([number]), f"k{number}")).status_code == 200
    refused = await add(city, order_id, JPEG + b"\xff", "one-more")
    assert refused.status_code == 409
    assert refused.json()["error"]["facts"]["why"] == "photos"
    assert len(list((city.place.folder / "photos" / order_id).iterdir())) == photos.MOST


async def test_another_crew_adds_nothing(city: City) -> None:
    order_id = await city.order("on_scene")
    assert (await add(city, order_id, JPEG, "k", who="cleo")).status_code == 403
    assert (await add(city, order_id, JPEG, "k", who="dora")).status_code == 403


async def test_a_photo_that_the_disk_refuses_is_in_no_history(city: City) -> None:
    order_id = await city.order("on_scene")
    (city.place.folder / "photos").write_text("in the way")
    assert (await add(city, order_id, JPEG, "k")).status_code == 503
    assert await events(city, order_id, "photo") == []
    (city.place.folder / "photos").unlink()
    assert (await add(city, order_id, JPEG, "k")).status_code == 200


async def test_no_name_leads_out_of_the_folder(city: City) -> None:
    files = PhotoFiles(city.place.folder / "photos")
    for order_id, name in (
        ("..", "dispatch.db"),
        ("a", "../../dispatch.db"),
        ("a", ".."),
        ("/etc", "passwd"),
    ):
        with pytest.raises(Exception, match="no photo"):
            await files.read(order_id, name)


async def carried_out(city: City) -> None:
    """What the worker does with alerts."""
    ports = Ports(None, None, None, None)  # type: ignore[arg-type]
    await delivery.deliver_due(city.place.context, ports, delivery.ALERTS)
    await asyncio.sleep(0.05)


async def test_messages_go_both_ways_once_and_are_kept(city: City) -> None:
    order_id = await city.order("on_scene")
    ask = {"text": "need a bucket truck", "order_id": order_id}
    for _ in range(2):  # the answer was lost
        assert (
            await city.post("carl", "/api/crew/messages", ask, **{"Idempotency-Key": "m1"})
        ).status_code == 200
    answer = {"text": "it comes at 11"}
    for _ in range(2):
        said = await city.post("dora", "/api/crews/E1/messages", answer, **{"Idempotency-Key": "m1"})
        assert said.status_code == 200, said.text
    await carried_out(city)
    thread = (await city.get("carl", "/api/crew/messages")).json()
    assert [(m["code"], m["facts"]["text"]) for m in thread] == [
        ("crew_message", "need a bucket truck"), ("centre_message", "it comes at 11")
    ]  # fmt: skip
    assert (await city.get("dora", "/api/crews/E1/messages")).json() == thread
    assert [a["code"] for a in (await city.get("carl", "/api/crew/stack")).json()["alerts"]] == [
        "centre_message"
    ]
    assert "crew_message" in [a["code"] for a in (await city.get("dora", "/api/board")).json()["alerts"]]
    assert [e["data"]["text"] for e in await events(city, order_id, "message")] == ["need a bucket truck"]
    assert (await city.get("cleo", "/api/crew/messages")).json() == []


async def test_messages_are_for_those_whose_crew_it_is(city: City) -> None:
    body, key = {"text": "hello"}, {"Idempotency-Key": "k"}
    assert (await city.post("wanda", "/api/crews/E1/messages", body, **key)).status_code == 403
    assert (await city.get("wanda", "/api/crews/E1/messages")).status_code == 403
    assert (await city.post("dora", "/api/crews/none/messages", body, **key)).status_code == 404
    assert (await city.post("carl", "/api/crew/messages", body)).status_code == 400
    assert (await city.post("carl", "/api/crew/messages", {"text": ""}, **key)).status_code == 400
    order_id = await city.order("at_centre")
    assert (
        await city.post("carl", "/api/crew/messages", {**body, "order_id": order_id}, **key)
    ).status_code == 403


class Taken:
    """Positions that were appended; or Redis is away."""

    def __init__(self) -> None:
        self.positions: list[Position] = []
        self.away = False

    async def append(self, positions: Sequence[Position]) -> None:
        if self.away:
            raise Unavailable("away")
        self.positions += positions


async def test_a_phone_tells_where_it_is_as_its_own_device(city: City) -> None:
    taken = Taken()
    city.app.state.services = replace(city.services, phone_positions=taken)
    at = city.place.clock.now()
    place = {
        "lat": 30.05,
        "lon": 120.05,
        "at": at.isoformat(),
        "speed_mps": 4.0,
        "course_deg": 90.0,
        "accuracy_m": 8,
    }
    answer = await city.post("carl", "/api/crew/positions", {"positions": [place]})
    assert answer.status_code == 200, answer.text
    (one,) = taken.positions
    assert (one.device, one.lat, one.fix_time, one.protocol) == ("p-E1", 30.05, at.timestamp(), "page")
    assert one.attributes == {"accuracy_m": 8.0}
    taken.away = True
    assert (await city.post("carl", "/api/crew/positions", {"positions": [place]})).status_code == 503
    assert (await city.post("dora", "/api/crew/positions", {"positions": [place]})).status_code == 403
    assert (
        await city.post("carl", "/api/crew/positions", {"positions": [{**place, "lat": 91}]})
    ).status_code == 400


class Track:
    """The vehicle of E1 as positions say."""

    def __init__(self, fixes: Sequence[tuple[float, float]]) -> None:
        self._kept = [
            Kept(str(n), 0, "t-E1", Fix(EAST[0], lon, at, at, speed_mps=None), "ok", at)
            for n, (at, lon) in enumerate(fixes)
        ]

    async def around(self, device: str, at: float) -> list[Kept]:
        return self._kept if device == "t-E1" else []

    async def between(
        self, device: str, since: float, until: float, after: object, limit: int
    ) -> tuple[list[Kept], None]:
        return [k for k in self._kept if since <= k.fix.fix_time <= until], None


async def test_the_claim_and_the_evidence_stand_side_by_side(city: City) -> None:
    """The crew presses "arrived" 9 minutes before its vehicle is there."""
    order_id = await city.order("acknowledged")
    order = await city.services.views.order(order_id)
    begun = order.last("acknowledge")
    assert begun is not None
    start = begun.at.timestamp()
    way = [(start, EAST[1] - 0.05), (start + 60, EAST[1] - 0.045), (start + 300, EAST[1] - 0.02)]
    there = [(start + 600 + 30 * n, EAST[1]) for n in range(4)]
    city.app.state.services = replace(city.services, tracks=Track([*way, *there]))
    city.place.clock.advance(30)
    for step in ("depart", "arrive"):
        assert (
            await city.post("carl", f"/api/crew/orders/{order_id}/{step}", {"generation": 1})
        ).status_code == 200
    city.place.clock.advance(900)
    depart, arrive = (await city.get("carl", f"/api/crew/orders/{order_id}/claims")).json()
    assert depart["step"] == "depart"
    assert not depart["doubtful"]
    assert arrive["step"] == "arrive"
    assert arrive["via"] == "carl"
    assert arrive["to_fault_m"] > 4_000
    assert arrive["gps_at"] > arrive["at"]
    assert arrive["doubtful"]
    story = (await city.get("dora", f"/api/orders/{order_id}")).json()
    assert story["claims"] == [depart, arrive]


async def test_a_record_names_cause_and_equipment(city: City) -> None:
    order_id = await city.order("restored")
    words = (await city.get("carl", "/api/vocabulary")).json()
    assert "tree" in words["causes"]
    assert "fuse" in words["equipment"]
    body = {
        "generation": 1, "cause": "A branch on the line", "cause_code": "tree", "equipment": "overhead_line",
        "work_done": "Cut, re-tensioned",
    }  # fmt: skip
    assert (await city.post("carl", f"/api/crew/orders/{order_id}/record", body)).status_code == 200
    (event,) = await events(city, order_id, "record")
    assert (event["data"]["cause_code"], event["data"]["equipment"]) == ("tree", "overhead_line")


def test_webp_is_a_photo_too() -> None:
    assert photos.kind_of(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == "image/webp"
