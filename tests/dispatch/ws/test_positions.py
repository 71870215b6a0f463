"""Positions on the wire, cut to the view, and only of whom one may see."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from dispatch.adapters.ws import live as module
from dispatch.adapters.ws.positions import RECORD, Vehicle, View, encode
from dispatch.core.position import Fix, LastKnown
from tests.dispatch.ws.conftest import Live


def _vehicle(no: int, lat: float, lon: float, course: float | None = 90.5, age: float = 12.0) -> Vehicle:
    fix = LastKnown(f"t{no}", Fix(lat, lon, 1000.0 - age, 1000.0, course_deg=course))
    return Vehicle(no, 2, "east", f"E{no}", fix)


def test_a_record_is_sixteen_bytes_little_endian() -> None:
    frame = encode([_vehicle(7, -30.1234567, 120.7654321)], 1000.0)
    assert RECORD.itemsize == 16
    assert struct.unpack("<IiiHBB", frame.cut(np.array([True]), None)) == (
        7, -301234567, 1207654321, 9050, 2, 2
    )  # fmt: skip


@pytest.mark.parametrize(
    ("course", "age", "expected"),
    [
        (None, 0, (65535, 0)), (0, 5, (0, 1)), (359.99, 1274, (35999, 254)), (360.0, 9e9, (0, 255)),
        (90, -20, (9000, 0)),
    ],
)  # fmt: skip
def test_course_and_age_at_their_ends(course: float | None, age: float, expected: tuple[int, int]) -> None:
    record = encode([_vehicle(1, 0, 0, course, age)], 1000.0).records[0]
    assert (int(record["course"]), int(record["age"])) == expected


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (View(29, 119, 31, 121), {1}), (View(29, 115, 31, 119.5), {1}), (View(29, 115, 31, 118), set()),
        (View(-10, 170, 10, -170), {2, 3}), (View(-90, -180, 90, 180), {1, 2, 3}),
        (View(-90, -500, 90, 400), {1, 2, 3}), (View(29, 479, 31, 481), {1}),
    ],
)  # fmt: skip
def test_a_view_has_a_margin_and_may_cross_the_date_line(view: View, seen: set[int]) -> None:
    frame = encode([_vehicle(1, 30, 120), _vehicle(2, 0, 179.9), _vehicle(3, 0, -179.9)], 1000.0)
    found = np.frombuffer(frame.cut(np.ones(3, dtype=np.bool_), view), dtype=RECORD)["no"].tolist()
    assert set(found) == seen


async def test_positions_are_of_ones_own_centre_and_in_view(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POSITIONS", 0.05)
    for crew, lon in (("E1", 120.01), ("E2", 120.09), ("W1", 119.95)):
        live.place.put_fix(crew, 30.05, lon)
    dora, mona, carl = [await live.screen(name) for name in ("dora", "mona", "carl")]
    numbers = {c["id"]: c["no"] for c in (await mona.next("board"))["crews"]}
    for screen, crews in ((dora, {"E1", "E2"}), (mona, {"E1", "E2", "W1"}), (carl, {"E1"})):
        records = np.frombuffer(await screen.positions(), dtype=RECORD)
        assert set(records["no"].tolist()) == {numbers[c] for c in crews}
    await mona.say(type="view", south=30.0, west=120.0, north=30.1, east=120.02)
    live.place.put_fix("E1", 30.05, 120.011)
    records = np.frombuffer(await mona.positions(), dtype=RECORD)
    assert records["no"].tolist() == [numbers["E1"]]
