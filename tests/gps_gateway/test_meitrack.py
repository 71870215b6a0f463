"""Meitrack: golden packets, real packets, and a framing that survives what binary bodies and noise contain."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gps_gateway.codec import Event, Fix, Frame, Login, Rejected, Report, Status
from gps_gateway.protocols.meitrack import Meitrack, begins
from gps_gateway.protocols.meitrack.framing import LONGEST
from tests.gps_gateway.golden import golden

GOLDEN = golden("meitrack")


DEVICE = "353358017784062"


def line(body: str | bytes, command: str = "AAA", flag: str = "A") -> bytes:
    """A packet written by hand from the document."""
    rest = f",{DEVICE},{command},".encode() + (body.encode() if isinstance(body, str) else body) + b"*"
    content = f"$${flag}{len(rest) + 4}".encode() + rest
    return content + f"{sum(content) % 256:02X}\r\n".encode()


PLACE = "22.513015,114.057235,100313094354,A,5,22,2,205,5,14,3600,60,0|0|10133|4110,0400,149|153|173|2707|160"


def one(body: str) -> Fix:
    _, report = Meitrack().receive(line(body))
    assert isinstance(report, Report)
    return report.fixes[0]


def test_the_fields_of_a_position() -> None:
    fix = one("35," + PLACE)
    assert (fix.lat, fix.lon, fix.valid, fix.time) == (22.513015, 114.057235, True, 1268473434.0)
    assert fix.speed_mps == pytest.approx(2 / 3.6)
    assert (fix.course_deg, fix.altitude_m) == (205.0, 14.0)
    assert fix.attributes["odometer_m"] == 3600
    assert (fix.attributes["output"], fix.attributes["input"]) == (4, 0)


@pytest.mark.parametrize(
    ("code", "alarm"), [(1, "sos"), (19, "overspeed"), (23, "power_cut"), (36, "tow"), (35, None)]
)
def test_events_are_alarms_by_their_code(code: int, alarm: str | None) -> None:
    assert one(f"{code},{PLACE}").attributes.get("alarm") == alarm


@pytest.mark.parametrize(
    ("battery", "power", "volts"), [("018D", "04F0", 3.97), ("0A47", "03E3", 4.24), ("028C", "0A00", 3.82)]
)
def test_the_batterys_value_tells_its_scale(battery: str, power: str, volts: float) -> None:
    fix = one("35," + PLACE.rsplit(",", 1)[0] + f",0000|0000|0000|{battery}|{power}")
    assert fix.attributes["battery_v"] == volts


def test_without_coordinates_it_is_a_status() -> None:
    _, status = Meitrack().receive(line("35,,,100313094354,V,0,22,,,,,3600,60,0|0|0|0,0400,1|2|3|4|5"))
    assert isinstance(status, Status)
    assert status.time == 1268473434.0


@pytest.mark.parametrize("place", ["91.0,0.0", "0.0,181.0", "x,y"])
def test_impossible_coordinates_are_rejected(place: str) -> None:
    body = f"35,{place},100313094354,A,5,22,2,205,5,14,3600,60,0|0|0|0,0400,1|2|3|4|5"
    _, rejected = [*Meitrack().receive(line("35," + PLACE)), *Meitrack().receive(line(body))][1:]
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "body of AAA"


def test_an_impossible_date_is_no_time() -> None:
    assert one("35," + PLACE.replace("100313", "100230")).time is None


@pytest.mark.parametrize(("strictness", "kind"), [("accept", Report), ("strict", Rejected)])
def test_a_wrong_sum_is_counted_or_rejected(strictness: Any, kind: type) -> None:
    codec = Meitrack(strictness)
    *_, event = codec.receive(line("35," + PLACE).replace(b"205", b"206"))
    assert type(event) is kind
    assert codec.counts["checksum"] == 1


def test_an_unknown_device_is_not_told_to_delete_its_records() -> None:
    (row,) = [row for row in GOLDEN if row.get("replies")]
    codec = Meitrack()
    login, report = codec.receive(bytes.fromhex(row["hex"]))
    assert isinstance(login, Login)
    assert isinstance(report, Report)
    codec.refuse(login, "unknown device")
    codec.refuse(report, "not authenticated")
    codec.accept(report)
    assert codec.to_send() == []


def test_a_body_may_hold_what_looks_like_an_end() -> None:
    picture = line(b"a.jpg,14,0," + b"\xff*8A\r\n$$A99,1,AAA,\r\n", "D00")
    events = Meitrack().receive(picture + line("35," + PLACE))
    assert [type(event).__name__ for event in events] == ["Login", "Unsupported", "Report"]


def test_a_binary_packet_of_another_length_is_not_cut_at_what_looks_like_an_end() -> None:
    right = line(b"a.jpg,14,0," + b"\xff*8A\r\n" * 3, "D00")
    announced = right[3 : right.index(b",")]
    wrong = right.replace(announced, b"%d" % (int(announced) - 3), 1)
    (rejected,) = [*(codec := Meitrack()).receive(wrong), *codec.end()]
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "length"


@pytest.mark.parametrize("noise", [b"hello\r\n", b"$$", b"$$A1,", b"$$A99999,x,CCE,"])
def test_a_good_packet_survives_the_noise_before_it(noise: bytes) -> None:
    codec = Meitrack()
    events = [*codec.receive(noise + line("35," + PLACE) * 2), *codec.end()]
    assert any(isinstance(event, Rejected) for event in events) or noise.startswith(b"$$")
    assert sum(isinstance(event, Report) for event in events) == 2


def test_devices_on_one_connection_log_in_one_after_the_other() -> None:
    other = line("35," + PLACE).replace(DEVICE.encode(), b"353358017784099")
    events = Meitrack().receive(line("35," + PLACE) + other + other)
    assert [(type(e).__name__, e.device) for e in events if isinstance(e, Frame)] == [
        ("Login", DEVICE),
        ("Report", DEVICE),
        ("Login", "353358017784099"),
        ("Report", "353358017784099"),
        ("Report", "353358017784099"),
    ]


pieces = st.one_of(
    st.sampled_from([bytes.fromhex(row["hex"]) for row in GOLDEN if "hex" in row]),
    st.just(line("35," + PLACE)),
    st.binary(max_size=30),
    st.sampled_from([b"$", b"$$", b"$$A", b"$$A12,", b"\r\n", b"$$A40,1,AAA,1*00\r\n"]),
)


@given(st.lists(pieces, max_size=6).map(b"".join), st.data())
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10)) if stream else []
    whole, split = Meitrack(), Meitrack()
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        found += split.receive(stream[start:end])
    assert found + split.end() == whole.receive(stream) + whole.end()


def test_buffers_stay_bounded() -> None:
    codec = Meitrack()
    for noise in (b"$$A99999,", b"$$A16000,1,CCE,", b"$", b"x"):
        for _ in range(50):
            codec.receive(noise * 400)
        assert len(codec._framer._rest) <= LONGEST + 4096


def test_two_dollars_begin_it() -> None:
    assert begins(b"$$A1")
    assert not begins(b"$GPRMC")
