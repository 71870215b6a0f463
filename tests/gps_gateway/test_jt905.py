"""JT/T 905: positions by hand from the standard's table, and the laws that every codec keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Answer, Event, Frame, Login, Rejected, Report
from gps_gateway.protocols.jt905 import Jt905
from gps_gateway.protocols.jt905.codec import READERS
from tests.gps_gateway.raw_2019 import ISU
from tests.gps_gateway.raw_terminal import line

GOLDEN = [
    json.loads(row)
    for row in (Path(__file__).parent.parent / "golden/jt905/frames.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("frame", GOLDEN, ids=lambda frame: frame["source"])
def test_golden_frames(frame: dict[str, Any]) -> None:
    login, report = Jt905().receive(bytes.fromhex(frame["hex"]))
    assert isinstance(login, Login)
    assert (login.device, login.code) == (frame["device"], None)
    assert isinstance(report, Report)
    (fix,), (expected,) = report.fixes, frame["fixes"]
    assert fix.time is not None
    assert datetime.fromtimestamp(fix.time, UTC).isoformat() == expected["fix_time"]
    assert fix.attributes.items() >= expected.get("attributes", {}).items()
    for name in expected.keys() - {"fix_time", "attributes"}:
        assert getattr(fix, name) == pytest.approx(expected[name], abs=1e-5), name


bodies = st.one_of(st.binary(max_size=90), st.binary(min_size=25, max_size=25))
frames = st.builds(
    lambda m, s, b: line(m, s, b, ISU), st.sampled_from([*READERS, 0x0B05]), st.integers(0, 0xFFFF), bodies
)
streams = st.lists(st.one_of(frames, st.binary(max_size=40)), max_size=6).map(b"".join)


@given(streams, st.data())
@settings(max_examples=100, deadline=None)
def test_any_split_gives_the_same_events_and_every_one_can_be_answered(
    stream: bytes, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6)) if stream else []
    whole, pieces = Jt905(), Jt905()
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        found += pieces.receive(stream[start:end])
    assert found == whole.receive(stream)
    for event in found:
        if isinstance(event, Frame):
            whole.accept(event)
            whole.refuse(event, "not authenticated")


def test_a_login_comes_until_it_is_accepted() -> None:
    codec = Jt905()
    for _ in range(2):
        login, _ = codec.receive(line(0x0002, 1, b"", ISU))
        assert isinstance(login, Login)
    assert isinstance(login, Frame)
    codec.accept(login)
    assert len(codec.receive(line(0x0002, 1, b"", ISU))) == 1
    assert codec.to_send() == []


@pytest.mark.parametrize(
    ("message", "body", "choice", "reason"),
    [
        (0x0B01, b"\0\0\0\x09", "acknowledge", ""),
        (0x0B07, b"\0\0\0\x09", "restore", ""),
        (0x0B08, b"\0\0\0\x09\x00", "reject", "accident"),
        (0x0B08, b"\0\0\0\x09\x02", "reject", "other"),
    ],
)
def test_what_drivers_press(message: int, body: bytes, choice: str, reason: str) -> None:
    _, press = Jt905().receive(line(message, 7, body, ISU))
    assert isinstance(press, Answer)
    assert (press.asked, press.choice, press.reason) == (9, choice, reason)


def test_a_press_from_a_damaged_frame_is_rejected() -> None:
    damaged = bytearray(line(0x0B01, 7, b"\0\0\0\x09", ISU))
    damaged[16] ^= 1
    (event,) = Jt905().receive(bytes(damaged))
    assert isinstance(event, Rejected)
