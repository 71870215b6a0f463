"""Positions on the wire: of whom one may see, in one's view, and only what is not known yet."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.adapters.ws import live as module
from dispatch.adapters.ws.positions import (
    CHANGES,
    GONE,
    HEAD,
    RECORD,
    WHOLE,
    Fleet,
    Frame,
    Known,
    View,
    changes,
    whole,
)  # fmt: skip
from dispatch.adapters.ws.viewer import Viewer
from dispatch.core.position import Fix, LastKnown
from tests.dispatch.ws.conftest import Live, person

NOW = 1000.0
Place = tuple[int, float, float, float | None, float]
"""Number, latitude, longitude, course, age of the fix at NOW."""


def _frame(*places: Place, now: float = NOW) -> Frame:
    """The vehicles at these places, all of them standby but number 7."""
    shown: Any = {
        str(no): SimpleNamespace(id=str(no), no=no, status="en_route" if no == 7 else "standby")
        for no, *_ in places
    }
    fixes = {
        str(no): LastKnown(str(no), Fix(lat, lon, NOW - age, NOW, course_deg=course))
        for no, lat, lon, course, age in places
    }
    crews: Any = {name: SimpleNamespace(id=name) for name in (*shown, "without a view")}
    positions: Any = SimpleNamespace(of_crew=lambda crew: fixes.get(crew.id))
    return Fleet(shown, crews).frame(positions, now)


def _known(*places: Place, view: View | None = None) -> Known:
    frame = _frame(*places)
    return frame.cut(np.ones(len(places), dtype=np.bool_), view)


def _read(frame: bytes) -> tuple[int, float, Any]:
    kind, now = HEAD.unpack_from(frame)
    return kind, now, np.frombuffer(frame, dtype=RECORD, offset=HEAD.size)


def test_a_record_is_sixteen_bytes_little_endian() -> None:
    frame = whole(_known((7, -30.1234567, 120.7654321, 90.5, 12.0)), NOW)
    assert HEAD.size == RECORD.itemsize == 16
    assert struct.unpack("<B7xd", frame[:16]) == (WHOLE, 1_000_000.0)
    assert struct.unpack("<IiiHBB", frame[16:]) == (7, -301234567, 1207654321, 9050, 2, 2)


@pytest.mark.parametrize(
    ("course", "age", "expected"),
    [
        (None, 0, (65535, 0)), (0, 5, (0, 1)), (359.99, 1274, (35999, 254)), (360.0, 9e9, (0, 255)),
        (90, -20, (9000, 0)),
    ],
)  # fmt: skip
def test_course_and_age_at_their_ends(course: float | None, age: float, expected: tuple[int, int]) -> None:
    record = _frame((1, 0, 0, course, age)).records[0]
    assert (int(record["course"]), int(record["age"])) == expected


def test_who_has_no_fix_has_no_record() -> None:
    fleet = Fleet(
        {n: SimpleNamespace(id=n, no=k, status="standby") for k, n in enumerate("ab", 1)},  # type: ignore[misc]
        {n: SimpleNamespace(id=n) for n in "ab"},  # type: ignore[misc]
    )
    fixes: Any = SimpleNamespace(
        of_crew=lambda c: LastKnown("b", Fix(1, 2, NOW, NOW)) if c.id == "b" else None
    )
    frame = fleet.frame(fixes, NOW)
    assert frame.records["no"].tolist() == [2]
    assert frame.cut(np.array([True, False]), None).records["no"].tolist() == []
    assert frame.cut(np.array([False, True]), None).records["no"].tolist() == [2]


@pytest.mark.parametrize(
    ("view", "seen"),
    [
        (View(29, 119, 31, 121), {1}), (View(29, 115, 31, 119.5), {1}), (View(29, 115, 31, 118), set()),
        (View(-10, 170, 10, -170), {2, 3}), (View(-90, -180, 90, 180), {1, 2, 3}),
        (View(-90, -500, 90, 400), {1, 2, 3}), (View(29, 479, 31, 481), {1}),
    ],
)  # fmt: skip
def test_a_view_has_a_margin_and_may_cross_the_date_line(view: View, seen: set[int]) -> None:
    places = ((1, 30.0, 120.0, 0.0, 0.0), (2, 0.0, 179.9, 0.0, 0.0), (3, 0.0, -179.9, 0.0, 0.0))
    assert set(_known(*places, view=view).records["no"].tolist()) == seen


def test_only_what_is_not_known_yet_is_told() -> None:
    parked, driving, leaving = (
        (1, 30.0, 120.0, None, 4.0),
        (2, 30.0, 121.0, 90.0, 1.0),
        (3, 31.0, 120.0, 0.0, 0.0),
    )
    before = _known(parked, driving, leaving)
    after = _known((1, 30.0, 120.0, None, 3.0), (2, 30.0, 121.001, 90.0, 0.0), (4, 32.0, 120.0, 0.0, 0.0))
    frame, known = changes(before, after, NOW)
    kind, _, told = _read(frame)
    assert kind == CHANGES
    assert [(int(r["no"]), r["status"] == GONE) for r in told] == [(2, False), (4, False), (3, True)]
    nothing, known = changes(known, after, NOW)
    assert nothing == b""
    newer = _known((1, 30.0, 120.0, None, -1.0), (2, 30.0, 121.001, 90.0, 0.0), (4, 32.0, 120.0, 0.0, 0.0))
    refreshed, _ = changes(known, newer, NOW)
    assert _read(refreshed)[2]["no"].tolist() == [1], "who stands still is told again five seconds later"


PLACES = st.dictionaries(
    st.integers(1, 8),
    st.tuples(st.sampled_from([30.0, 30.5]), st.just(120.0), st.sampled_from([None, 90.0]), st.floats(0, 20)),
)


@given(st.lists(PLACES, min_size=1, max_size=6))
def test_whoever_takes_every_frame_knows_the_newest(story: list[dict[int, Any]]) -> None:
    known: Known | None = None
    page: dict[int, tuple[Any, ...]] = {}
    for places in story:
        newest = _known(*((no, *rest) for no, rest in sorted(places.items())))
        if known is None:
            frame, known = whole(newest, NOW), newest
        else:
            frame, known = changes(known, newest, NOW)
        for record in _read(frame)[2] if frame else ():
            page.pop(int(record["no"]), None)
            if record["status"] != GONE:
                page[int(record["no"])] = tuple(record)
        assert {no: one[1:5] for no, one in page.items()} == {
            int(r["no"]): tuple(r)[1:5] for r in newest.records
        }
        for r in newest.records:
            assert abs(int(page[int(r["no"])][5]) - int(r["age"])) <= 1


async def test_a_viewer_that_cannot_keep_up_is_told_the_newest_only() -> None:
    """However many seconds pass while one message is on its way, one frame follows, with all that differs."""
    gate, sent = asyncio.Event(), []

    async def send(message: bytes, text: bool) -> None:
        sent.append(_read(message))
        await gate.wait()

    viewer = Viewer(person("dora"), send)
    writing = asyncio.create_task(viewer.write(lambda: None))
    for second in range(60):
        places = [(no, 30.0, 120.0 + second / 1000, 90.0, 0.0) for no in range(1, 101)]
        viewer.positions(_known(*places[second:]), NOW + second)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    gate.set()
    await asyncio.sleep(0.05)
    writing.cancel()
    (first, _, all_of_it), (second_kind, now, rest) = sent
    assert (first, len(all_of_it)) == (WHOLE, 100)
    assert (second_kind, now) == (CHANGES, (NOW + 59) * 1000)
    assert rest["lon"][rest["status"] != GONE].tolist() == [round(120.059 * 1e7)] * 41
    assert (rest["status"] == GONE).sum() == 59


async def test_a_slow_line_shows_the_present_not_what_waited_for_it(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept for it in between is the size of the buffers: seconds of reading, and no more with time."""
    monkeypatch.setattr(module, "POSITIONS", 0.02)
    places: list[Place] = [(no, 30.0, 120.0, 0.0, 0.0) for no in range(1, 4001)]
    base, loop = _frame(*places), asyncio.get_running_loop()
    fleet: Any = SimpleNamespace(seen_by=lambda sees: np.ones(len(places), dtype=np.bool_))

    def newest() -> tuple[Any, Frame]:
        records = base.records.copy()
        records["lat"] += int(loop.time() * 1000) % 1_000_000
        return fleet, replace(base, now=loop.time(), records=records)

    monkeypatch.setattr(live.server, "_newest", newest)
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    plug.setblocking(False)
    await loop.sock_connect(plug, ("127.0.0.1", live.port))
    slow = await live.screen("mona", sock=plug, max_queue=1)
    late = []
    for _ in range(16):
        await asyncio.sleep(0.3)
        late.append(loop.time() - _read(await slow.positions())[1] / 1000)
    assert max(late[4:]) < 3.0, late


async def test_positions_are_of_ones_own_centre_and_in_view(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POSITIONS", 0.05)
    for crew, lon in (("E1", 120.01), ("E2", 120.09), ("W1", 119.95)):
        live.place.put_fix(crew, 30.05, lon)
    dora, mona, carl = [await live.screen(name) for name in ("dora", "mona", "carl")]
    numbers = {c["id"]: c["no"] for c in (await mona.next("board"))["crews"]}
    for screen, crews in ((dora, {"E1", "E2"}), (mona, {"E1", "E2", "W1"}), (carl, {"E1"})):
        kind, _, records = _read(await screen.positions())
        assert (kind, set(records["no"].tolist())) == (WHOLE, {numbers[c] for c in crews})
    await mona.say(type="view", south=30.0, west=120.0, north=30.1, east=120.02)
    kind, _, records = _read(await mona.positions())
    assert kind == CHANGES
    assert {int(r["no"]) for r in records if r["status"] == GONE} == {numbers["E2"], numbers["W1"]}
    live.place.put_fix("E1", 30.05, 120.011)
    assert _read(await mona.positions())[2]["no"].tolist() == [numbers["E1"]]


async def test_what_comes_into_view_does_not_wait_for_the_next_second(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POSITIONS", 60.0)
    live.place.put_fix("E1", 30.05, 120.01)
    screen = await live.screen("dora")
    await screen.say(type="view", south=40.0, west=120.0, north=40.1, east=120.02)
    assert len(_read(await screen.positions())[2]) == 0
    await screen.say(type="view", south=30.0, west=120.0, north=30.1, east=120.02)
    assert len(_read(await screen.positions(within=1.0))[2]) == 1
