"""Golden frames of trackers: single packets with what their device's documentation, or their source, says they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gps_gateway.codec import Codec
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
