"""A resend is known by its ref and mark: two values of one packet must never look like one that came twice."""

from __future__ import annotations

from collections import Counter

import pytest

from gps_gateway.codec import Event, Fix, Report, Status
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.protocols.meitrack.codec import Meitrack
from gps_gateway.protocols.meitrack.framing import Packet
from gps_gateway.protocols.teltonika.codec import Teltonika
from tests.gps_gateway.golden import FOLDER, golden, packet
from tests.gps_gateway.test_teltonika import LOGIN, record
from tests.gps_gateway.test_teltonika import packet as teltonika

NAMES = [n for n, p in PROTOCOLS.items() if isinstance(p, Stream) and (FOLDER / n / "frames.jsonl").exists()]


def alike(events: list[Event]) -> list[object]:
    keys = Counter((e.device, e.ref, e.mark) for e in events if isinstance(e, Report | Status))
    return [key for key, times in keys.items() if times > 1]


@pytest.mark.parametrize("name", NAMES)
def test_the_values_of_a_golden_packet_are_told_apart(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert isinstance(protocol, Stream)
    for row in golden(name):
        codec = protocol.codec("accept")
        assert alike([*codec.receive(packet(row)), *codec.end()]) == []


def test_every_record_of_teltonika_without_a_position_is_kept() -> None:
    """They are answered by one number with the others: one that is dropped would be acknowledged all the same."""
    nowhere = [record(0, 0, 0, milliseconds=1_709_251_199_000 + n) for n in range(3)]
    for records in (nowhere, [*nowhere, record()]):
        codec = Teltonika()
        codec.receive(LOGIN)
        events = codec.receive(teltonika(*records))
        assert len(events) == len(records)
        assert alike(events) == []


def test_a_record_of_meitrack_without_a_position_does_not_hide_the_others() -> None:
    fix = Fix(1.0, 39.9, 116.4)
    part = Packet(b"its bytes", "d", "353358017784062", "CCE", b"", intact=True, announced=True)
    events = Meitrack()._records(part, ([({"event": 1}, 1.0), fix, ({"event": 1}, 2.0)], 3), (0, 0))
    assert [type(event) for event in events] == [Status, Status, Report]
    assert alike(events) == []
