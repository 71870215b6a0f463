"""Plain NMEA: golden sentences, an independent reader's opinion of whole receiver logs, and who is speaking."""

from __future__ import annotations

import json
import re
from datetime import UTC
from pathlib import Path

import pynmea2
import pytest

from gps_gateway.codec import Event, Fix, Login, Rejected, Report, Status
from gps_gateway.protocols.nmea import Nmea, begins
from tests.gps_gateway.real_packets import (
    FOLDER,
    needs_packets,
)

LOGS = sorted((Path(FOLDER) / "dev/nmea").glob("*.log")) if FOLDER else []


def fixes(events: list[Event]) -> list[Fix]:
    return [fix for event in events if isinstance(event, Report) for fix in event.fixes]


def another_readers_fixes(log: Path) -> list[tuple[float | None, float, float, bool]]:
    """By the RMC's status: the other reader's own `is_valid` takes the navigational status V of NMEA 4.1
    ("this equipment gives none", which u-blox and Quectel always send) for an invalid fix. It is given every sentence from
    its `$`, because it cannot find one behind what the noise left of another."""
    found = []
    for sentence in re.findall(r"\$[^$\r\n]+", log.read_bytes().decode("latin-1")):
        try:
            said = pynmea2.parse(sentence.strip())
            if isinstance(said, pynmea2.RMC) and said.lat:
                time = said.datetime.replace(tzinfo=UTC).timestamp() if said.datestamp else None
                found.append((time, said.latitude, said.longitude, said.status == "A"))
        except (pynmea2.ParseError, ValueError):
            continue  # not a sentence, a wrong checksum, or a latitude cut off
    return found


@needs_packets
@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_agrees_with_another_reader_fix_for_fix(log: Path) -> None:
    codec = Nmea("strict")
    ours = fixes([*codec.receive(log.read_bytes()), *codec.end()])
    theirs = another_readers_fixes(log)
    assert len(ours) == len(theirs) > 0
    for fix, (time, lat, lon, valid) in zip(ours, theirs, strict=True):
        assert (fix.time, fix.valid) == (time, valid)
        assert (fix.lat, fix.lon) == pytest.approx((lat, lon), abs=1e-6)


@needs_packets
def test_a_noisy_log_is_counted_or_rejected() -> None:
    (log,) = [log for log in LOGS if "coldboot" in log.stem]
    lenient, strict = Nmea("accept"), Nmea("strict")
    lenient.receive(log.read_bytes())
    rejected = [e for e in strict.receive(log.read_bytes()) if isinstance(e, Rejected)]
    assert lenient.counts["checksum"] == sum(event.reason == "checksum" for event in rejected) >= 28


RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W\r\n"
GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,\r\n"
LATER = "$GPGGA,123520,4807.040,N,01131.000,E,1,08,0.9,546.0,M,46.9,M,,\r\n"


def test_a_gga_before_its_rmc_adds_the_altitude_and_doubles_nothing() -> None:
    (fix,) = fixes(Nmea().receive((GGA + RMC + LATER).encode()))
    assert (fix.altitude_m, fix.attributes["satellites"]) == (545.4, 8)
    assert fix.speed_mps == pytest.approx(11.5235, abs=1e-3)


def test_an_rmc_waits_for_nothing() -> None:
    codec = Nmea()
    (fix,) = fixes(codec.receive(RMC.encode()))
    assert fix.altitude_m is None
    assert fixes(codec.receive(GGA.encode())) == []


def test_another_seconds_gga_adds_nothing() -> None:
    (fix,) = fixes(Nmea().receive((LATER + RMC).encode()))
    assert fix.altitude_m is None


def test_a_receiver_without_rmc_reports_by_gga() -> None:
    codec = Nmea()
    assert fixes(codec.receive(GGA.encode())) == []
    assert len(fixes(codec.receive(LATER.encode()))) == 2
    assert len(fixes(codec.receive(GGA.encode()))) == 1
    alone = Nmea()
    assert len(fixes([*alone.receive(GGA.encode()), *alone.end()])) == 1


def test_a_date_heard_from_zda_dates_a_gga() -> None:
    codec = Nmea()
    events = codec.receive(("$GPZDA,123518.00,29,02,2024,00,00\r\n" + GGA + LATER).encode())
    assert [fix.time for fix in fixes(events)] == [1709210119.0, 1709210120.0]


@pytest.mark.parametrize(
    ("line", "device"),
    [
        ("$PGID,359853000144328*0F", "359853000144328"),
        ("$IMEI=355797031609284", "355797031609284"),
        ("IMEI 351467108700000", "351467108700000"),
        ("$PCPTI,CradlePoint Test,184453,184453.0,6F*57", "CradlePoint Test"),
        ("$GPFID,AB123456", "AB123456"),
        ("086415031C20", "086415031C20"),
        ("4711/022789000688081/" + RMC.strip(), "022789000688081"),
        ("990000561287964," + RMC.strip(), "990000561287964"),
    ],
)
def test_who_is_speaking(line: str, device: str) -> None:
    codec = Nmea()
    first, *_ = codec.receive((line + "\r\n").encode())
    assert isinstance(first, Login)
    assert (first.device, first.code) == (device, None)
    (report,) = codec.receive(RMC.encode())
    assert isinstance(report, Report)
    assert report.device == device


def test_without_a_name_a_position_has_no_device() -> None:
    (report,) = Nmea().receive(RMC.encode())
    assert isinstance(report, Report)
    assert report.device == ""


@pytest.mark.parametrize(
    "noise", ["r", ",,,*1E", "$GPGSV,3,1,11,23,87,270,", "$GPRMC,123518,A,4807.038,N,01131.000,E,"]
)
def test_a_sentence_survives_the_end_of_a_lost_one_before_it(noise: str) -> None:
    events = Nmea().receive((noise + RMC).encode())
    assert [type(event) for event in events] == [Rejected, Report][not noise.startswith("$") :]
    assert len(fixes(events)) == 1


def test_two_sentences_in_one_line_are_two() -> None:
    (fix,) = fixes(Nmea().receive((GGA.strip() + "*5F" + RMC).encode()))
    assert fix.altitude_m == 545.4


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("$GPRMC,123519,V,,,,,,,230394,,", Status),
        ("$GPRMC,123519,A,9107.038,N,01131.000,E,,,230394,,", Rejected),
        ("$GPRMC,123519,A,4867.038,N,01131.000,E,,,230394,,", Rejected),
        ("$GPGGA,123519,,,,,0,00,,,M,,M,,", Status),
    ],
)
def test_no_coordinates_are_invented(sentence: str, kind: type) -> None:
    (event,) = Nmea().receive((sentence + "\r\n").encode())
    assert type(event) is kind


@pytest.mark.parametrize(
    ("date", "year"), [("290224", 1709164800.0), ("290225", None), ("060180", 315964800.0), ("311379", None)]
)
def test_two_digits_of_a_year_and_leap_days(date: str, year: float | None) -> None:
    (fix,) = fixes(Nmea().receive(RMC.replace("230394", date).replace("123519", "000000").encode()))
    assert fix.time == year


@pytest.mark.parametrize(
    "first", [b"$GPRMC,12", b"$PGID,3", b"$IMEI=35", b"355096030432529$GPGGA,", b"IMEI 35"]
)
def test_what_begins_it(first: bytes) -> None:
    assert begins(first)


@pytest.mark.parametrize("first", [b"$$A123,", b"*HQ,", b"$\x41\x09\x08", b"358244017671308", b"+RESP:"])
def test_what_begins_another_protocol(first: bytes) -> None:
    assert not begins(first)


@pytest.mark.parametrize("field", ["nan", "inf", "9" * 400, "1e9", "1_0", "\u0663"])
def test_strange_numbers_are_no_numbers(field: str) -> None:
    codec = Nmea()
    for sentence in (RMC, GGA, LATER, "$PUBX,00,0,1,N,1,E,1,G3,1,1,1,1,1,,1,1,1,9,0,0\r\n"):
        words = sentence.strip().split(",")
        for at in range(1, len(words)):
            line = ",".join([*words[:at], field, *words[at + 1 :]]) + "\r\n"
            for fix in fixes([*codec.receive(line.encode()), *codec.end()]):
                assert abs(fix.lat) <= 90
                assert abs(fix.lon) <= 180
                json.dumps(fix.attributes, allow_nan=False)
