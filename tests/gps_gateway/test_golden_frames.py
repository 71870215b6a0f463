"""Golden frames and real packets of every tracker protocol that needs no device of its own to be tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Checksum, Codec, Rejected, Report, Status
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.protocols.gt06 import Gt06
from gps_gateway.protocols.gt06 import framing as gt06
from gps_gateway.protocols.teltonika import framing as teltonika
from tests.gps_gateway import test_gt06, test_teltonika
from tests.gps_gateway.golden import check, check_frame, golden
from tests.gps_gateway.real_packets import (
    check_attributes,
    check_positions,
    needs_packets,
    packets,
    read,
    share_with_a_position,
)

TEXT = ("gps103", "tk103", "h02", "gl200", "meitrack", "nmea")
TOLERANCE = {"gt06": 1e-6, "teltonika": 1e-4}
"""Of the numbers in a golden frame, by binary protocol."""


def stream(name: str) -> Stream:
    found = PROTOCOLS[name]
    assert isinstance(found, Stream)
    return found


def codec(name: str, checksum: Checksum = "accept") -> Codec:
    if name == "gt06":  # which is asked for the time
        return Gt06(checksum, now=lambda: datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC))
    return stream(name).codec(checksum)


def rows(*names: str) -> list[Any]:
    return [pytest.param(name, row, id=f"{name}: {row['source']}") for name in names for row in golden(name)]


@pytest.mark.parametrize(("name", "row"), rows(*TEXT))
def test_golden_frames(name: str, row: dict[str, Any]) -> None:
    check(codec(name, row.get("checksum", "accept")), row)


@pytest.mark.parametrize(("name", "row"), rows(*TOLERANCE))
def test_golden_binary_frames(name: str, row: dict[str, Any]) -> None:
    check_frame(codec(name), row, TOLERANCE[name])


# -- real packets


@dataclass(frozen=True)
class Real:
    """What the packets of one protocol are held to; `at_least`: positions and attributes that they state."""

    called: str
    at_least: tuple[int, int]
    names: dict[str, str | tuple[str, float]] = field(default_factory=dict)
    share: float = 1
    rejected: tuple[str, ...] = ()
    """What is no whole packet, and why."""
    number: int = 1
    """So many packets at least."""
    misread: frozenset[str] = frozenset()
    """Packets whose stated attributes are wrong."""


REAL = {
    "gps103": Real("Gps103", (2, 3), {"fuel1": "fuel_pct"}),
    "tk103": Real("Tk103", (2, 3), {"batteryTemp2": "temperature_2_c"}),
    "h02": Real("H02", (3, 3)),
    "gl200": Real(
        "Gl200Text",
        (0, 20),
        {
            "power2": "power_2_v",
            "adBlueLevel": "adblue_pct",
            "accessoryVoltage": "accessory_v",
            "KEY_FUEL": "fuel",
        },
    ),
    "meitrack": Real(
        "Meitrack",
        (2, 7),
        {
            "tagTemp": "tag_temperature_c",
            "tagName": "tag_name",
            "battery2Level": "battery_2_pct",
            "KEY_HOURS": ("engine_hours_s", 0.001),
        },
        rejected=("length",),  # a picture, cut
    ),
    "nmea": Real("T55", (0, 1)),
    "gt06": Real(
        "Gt06", (0, 41), test_gt06.NAMES, share=0.97, number=101, misread=frozenset(test_gt06.MISREAD)
    ),
    "teltonika": Real("Teltonika", (0, 4), test_teltonika.NAMES, share=0.97, number=31),
}


@needs_packets
@pytest.mark.parametrize("name", REAL)
def test_real_packets(name: str) -> None:
    wanted = REAL[name]
    found = [read(codec(name), packet, data) for packet, data in packets(wanted.called)]
    positions, attributes = wanted.at_least
    assert share_with_a_position(found) >= wanted.share
    assert check_positions(found) >= positions
    stated = [one for one in found if one.packet["id"] not in wanted.misread]
    assert check_attributes(stated, wanted.names) >= attributes
    assert [reason for one in found for reason in one.reasons] == [*wanted.rejected]
    assert len(found) >= wanted.number
    if name in {"gps103", "tk103", "h02"}:
        assert all(stream(name).begins(data) for _, data in packets(wanted.called))


# -- laws of the binary ones, on frames that are built by hand


@dataclass(frozen=True)
class Built:
    """`report` is whole, `broken` has a wrong checksum and would else mean a `meant`."""

    parts: tuple[bytes, ...]
    broken: bytes
    meant: type[Report | Status]
    heads: tuple[bytes, ...]
    piece: bytes
    bound: int
    checksum: Callable[[bytes], int]
    by_the_document: Callable[[bytes], int]


def flipped(frame: bytes, at: int) -> bytes:
    broken = bytearray(frame)
    broken[at] ^= 1
    return bytes(broken)


_BEAT = test_gt06.built(0x13, bytes.fromhex("4406040002"))
_REPORT = test_teltonika.packet(test_teltonika.record())
BINARY = {
    "gt06": Built(
        (test_gt06.LOGIN, test_gt06.built(0x12, test_gt06.gps()), b"\x78", b"\r\n", b"\x78\x78\x05"),
        flipped(_BEAT, 4), Status,
        (b"", b"\x79\x79\xff\xff\x13", b"\x79\x79\x0f\xf0\x13", b"\x78\x78\xff\x69"), bytes(1000), gt06.MAX_FRAME + 1000,
        gt06.checksum, test_gt06.crc_itu,
    ),
    "teltonika": Built(
        (test_teltonika.LOGIN, _REPORT, b"\xff", b"noise", bytes(8) + b"\x08"),
        flipped(_REPORT, -1), Report,
        (b"", bytes(6) + b"\x1f\xff\x08\xff", bytes(8) + b"\x8e\xff", b"\1\2\3\4\1\1\0\x0f1"), bytes(500) + b"\x07" * 500,
        teltonika.MAX_DATA + 1012, teltonika.checksum, test_teltonika.crc_16,
    ),
}  # fmt: skip
every_binary = pytest.mark.parametrize("name", BINARY)


@every_binary
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_events(name: str, data: st.DataObject) -> None:
    sent = b"".join(data.draw(st.lists(st.sampled_from(BINARY[name].parts), max_size=6)))
    at = data.draw(st.integers(0, len(sent)))
    whole, pieces = codec(name), codec(name)
    expected = [*whole.receive(sent), *whole.end()]
    assert [*pieces.receive(sent[:at]), *pieces.receive(sent[at:]), *pieces.end()] == expected


@every_binary
@given(content=st.binary(max_size=200))
def test_the_checksum_is_that_of_the_document(name: str, content: bytes) -> None:
    assert BINARY[name].checksum(content) == BINARY[name].by_the_document(content)


@every_binary
@pytest.mark.parametrize("checks", ["accept", "strict"])
def test_a_wrong_checksum_is_counted_or_rejected(name: str, checks: Checksum) -> None:
    one = codec(name, checks)
    (event,) = one.receive(BINARY[name].broken)
    assert isinstance(event, BINARY[name].meant if checks == "accept" else Rejected)
    assert one.counts["checksum"] == 1


@every_binary
def test_buffers_stay_bounded(name: str) -> None:
    for head in BINARY[name].heads:
        one: Any = codec(name)
        for piece in (head, *[BINARY[name].piece] * 300):
            for event in one.receive(piece):
                assert not isinstance(event, Rejected) or len(event.raw) <= 256
            assert len(one._deframer._rest) <= BINARY[name].bound
