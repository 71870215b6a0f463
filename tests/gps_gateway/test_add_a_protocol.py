"""docs/add-a-protocol.md works: its own blocks make a protocol that a running gateway speaks."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dispatch.messages import Desired, desired_key, encode
from gps_gateway import protocols
from gps_gateway.codec import Event
from gps_gateway.protocols import PROTOCOLS, Stream
from tests.gps_gateway import golden
from tests.gps_gateway.conftest import Centre, Open

PAGE = Path(__file__).parents[2] / "docs/add-a-protocol.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME, DEVICE = "beacon", "356938035643809"


class Walk:
    """What the page says, by what it is."""

    def __init__(self) -> None:
        blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
        titled = [text.split("\n", 1) for kind, text in blocks if kind == "python"]
        self.files = {first.removeprefix("# "): rest for first, rest in titled if first.startswith("# ")}
        (self.line,) = [first for first, _ in titled if not first.startswith("# ")]
        (self.frames,) = [text for kind, text in blocks if kind == "json"]


@pytest.fixture
def beacon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The page followed to its end, in a folder that is not the project's."""
    walk = Walk()
    for name, text in walk.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    frames = tmp_path / "golden" / NAME / "frames.jsonl"
    frames.parent.mkdir(parents=True)
    frames.write_text(walk.frames, encoding="utf-8")
    monkeypatch.setattr(golden, "FOLDER", tmp_path / "golden")
    monkeypatch.setattr(protocols, "__path__", [*protocols.__path__, str(tmp_path / "gps_gateway/protocols")])
    module = importlib.import_module(f"gps_gateway.protocols.{NAME}")
    registered = eval(f"{{{walk.line}}}", {**vars(protocols), NAME: module})
    monkeypatch.setitem(PROTOCOLS, NAME, registered[NAME])
    yield module
    for name in [name for name in sys.modules if name.startswith(f"gps_gateway.protocols.{NAME}")]:
        del sys.modules[name]
    monkeypatch.delattr(protocols, NAME, raising=False)


def stream() -> Stream:
    found = PROTOCOLS[NAME]
    assert isinstance(found, Stream)
    return found


def test_its_golden_frames_mean_what_they_say(beacon: ModuleType) -> None:
    rows = golden.golden(NAME)
    assert len(rows) == 3
    for row in rows:
        golden.check(stream().codec("accept"), row)


def test_its_test_file_passes(beacon: ModuleType) -> None:
    space: dict[str, Any] = {"__name__": "test_beacon"}
    exec(Walk().files["tests/gps_gateway/test_beacon.py"], space)
    for row in golden.golden(NAME):
        space["test_golden_frames"](row)


def test_it_keeps_the_laws(beacon: ModuleType) -> None:
    data = b"\r\n".join(golden.packet(row) for row in golden.golden(NAME)) + b"noise" * 1000
    whole, pieces = stream().codec("accept"), stream().codec("accept")
    found: list[Event] = [event for byte in data for event in pieces.receive(bytes([byte]))]
    assert found == whole.receive(data)
    assert pieces.end() == whole.end()
    begun = [name for name, other in PROTOCOLS.items() if isinstance(other, Stream) and other.begins(data)]
    assert begun == [NAME]


async def test_a_running_gateway_stores_its_frame_and_then_acknowledges_it(
    beacon: ModuleType, open_gateway: Open, centre: Centre
) -> None:
    await centre.redis.set(desired_key(DEVICE), encode(Desired(DEVICE, "e1", 1)))
    gateway = await open_gateway()
    row = golden.golden(NAME)[0]
    port = gateway.ports.get(NAME) or gateway.ports["trackers"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(golden.packet(row))
    assert await asyncio.wait_for(reader.readuntil(b"#"), 10) == row["replies"][0].encode()
    (stored,) = await centre.positions()
    expected = row["events"][0]
    assert (stored.device, stored.protocol, stored.lat, stored.lon) == (DEVICE, NAME, 39.9, 116.4)
    assert stored.speed_mps == pytest.approx(expected["speed_mps"])
    writer.write(golden.packet(row).replace(DEVICE.encode(), b"0" * 15))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"#"), 0.3)
    writer.close()


def test_its_lines_are_json() -> None:
    assert all(json.loads(line) for line in Walk().frames.splitlines())
