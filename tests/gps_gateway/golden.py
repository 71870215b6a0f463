"""Golden frames of trackers: single packets with what their device's documentation, or their source, says they mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gps_gateway.codec import Codec, Frame, Login, Report, Status
from gps_gateway.decode import read

FOLDER = Path(__file__).parent.parent / "golden"


def golden(name: str) -> list[dict[str, Any]]:
    """Each row has `hex` or `text`, `source`, and what is expected: `events`, `replies` (text), `rejected`."""
    path = FOLDER / name / "frames.jsonl"
    return [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]


def packet(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["hex"]) if "hex" in row else str(row["text"]).encode()


def check(codec: Codec, row: dict[str, Any]) -> None:
    """The packet alone means what its row says; what a row leaves out is not asked for."""
    found = read(codec, packet(row))
    assert found["rejected"] == row.get("rejected"), row["source"]
    events = [event for event in found["events"] if event["type"] != "login" or row.get("login")]
    assert len(events) == len(row["events"]), found
    for event, expected in zip(events, row["events"], strict=True):
        assert event["attributes"].items() >= expected.get("attributes", {}).items(), row["source"]
        for name in expected.keys() - {"attributes"}:
            assert event[name] == (
                pytest.approx(expected[name], abs=1e-5)
                if isinstance(expected[name], float)
                else expected[name]
            ), (name, row["source"])
    if "replies" in row:
        assert [bytes.fromhex(reply).decode() for reply in found["replies"]] == row["replies"]


def check_frame(codec: Codec, row: dict[str, Any], tolerance: float) -> None:
    """The same for binary protocols, whose rows tell of the last value: `event`, `device`, `time` or `fixes`, `attributes`,
    its `login` before, how many `values`, whether its `checksum` is wrong, and `reply` and `refusal` in hexadecimal digits."""
    events = codec.receive(packet(row))
    *before, event = events
    if "values" in row:
        assert len(events) == row["values"]
    else:
        logins = [login.device for login in before if isinstance(login, Login)]
        assert logins == ([row["login"]] if "login" in row else [])
        assert len(events) == len(logins) + 1
    assert type(event).__name__ == row["event"]
    assert event.device == row.get("device", row.get("login", ""))
    assert codec.counts["checksum"] == ("checksum" in row)
    found: dict[str, Any] = {}
    match event:
        case Status():
            found = event.attributes
            if "time" in row:
                assert _iso(event.time) == row["time"]
        case Report(fixes=(fix,)):
            found = fix.attributes
            (expected,) = row["fixes"]
            assert _iso(fix.time) == expected["fix_time"]
            for name in expected.keys() - {"fix_time"}:
                assert getattr(fix, name) == pytest.approx(expected[name], abs=tolerance), name
    assert found.items() >= row.get("attributes", {}).items()
    for answer, name in (
        (codec.accept, "reply"),
        (lambda one: codec.refuse(one, "unknown device"), "refusal"),
    ):
        if name in row:
            for one in events:
                assert isinstance(one, Frame)
                answer(one)
            assert b"".join(codec.to_send()).hex() == row[name].lower()


def _iso(seconds: float | None) -> str:
    assert seconds is not None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
