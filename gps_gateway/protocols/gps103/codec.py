"""GPS103 on one connection: login, heartbeat, positions with their keywords, engine data."""

from __future__ import annotations

import re

from gps_gateway.codec import (
    Attributes,
    Checksum,
    Event,
    Frame,
    Heartbeat,
    Login,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.protocols.gps103.keywords import meaning
from gps_gateway.protocols.gps103.position import SIGNALS, local_time, read_cell, read_decimal, read_fix
from gps_gateway.protocols.lines import Lines
from gps_gateway.protocols.text import Talk, head, kind_of, known, number, rejected, scaled

ENDS = rb"[;*\r\n\0]+"
LONGEST = 2048

LOGIN = re.compile(r"##,imei:(\d{10,17})(?:,A?)?")
ALIVE = re.compile(r"(?:imei:)?(\d{15})(?:,L)?,?")
PACKET = re.compile(r"imei:(\d{10,17}),(.*)", re.DOTALL)
BEGINNING = re.compile(rb"##,imei:|imei:\d|\d{15}(?:[;\r\n]|$)")

SOS = "help me"


def begins(first: bytes) -> bool:
    """A login, a packet, or a heartbeat: 15 digits alone."""
    return BEGINNING.match(first) is not None


class Gps103(Talk):
    """One tracker's connection. The protocol has no checksum."""

    name = "gps103"

    def __init__(self, checksum: Checksum = "accept") -> None:
        super().__init__(Lines(ENDS, LONGEST), checksum)

    def read(self, packet: bytes) -> Event:
        text = packet.decode("latin-1").strip()
        if len(packet) > LONGEST:
            match = PACKET.fullmatch(text)
            return rejected("too long", packet, match[1] if match else "")
        if match := LOGIN.fullmatch(text):
            return Login(**head(match[1], "##", packet), code=None)
        if match := ALIVE.fullmatch(text):
            return Heartbeat(**head(match[1], "alive", packet))
        if match := PACKET.fullmatch(text):
            return _read(match[1], [field.strip() for field in match[2].split(",")], packet)
        return rejected("not imei:…", packet)

    def answer(self, event: Frame) -> bytes:
        """LOAD to a login, ON to a heartbeat, and E to a call for help, which is repeated until then."""
        alarmed = f"**,imei:{event.device},E;".encode()
        return {"##": b"LOAD", "alive": b"ON", SOS: alarmed}.get(kind_of(event), b"")


def _read(device: str, fields: list[str], packet: bytes) -> Event:
    """`keyword,local time,telephone,F or L,…`; OBD, and a kind of tracker with decimal degrees, are otherwise."""
    common = head(device, fields[0], packet)
    if fields[0] == "OBD":
        return Status(**common, attributes=_engine(fields[2:]), time=local_time(fields[1:2]))
    if (fix := read_decimal(fields)) is not None:
        return Report(**common, fixes=(fix,))
    at = next((at for at in (3, 4) if fields[at : at + 1] and fields[at] in SIGNALS), 0)
    if not at:
        return Unsupported(**common, what=fields[0][:40])
    said = meaning(fields[0], fields[2])
    if fields[at] == "L":
        return Status(**common, attributes={**said, **read_cell(fields[at:])}, time=local_time(fields[1:2]))
    found = read_fix(fields[1], fields[at:], said)
    return rejected("position", packet, device) if found is None else Report(**common, fixes=(found,))


def _engine(fields: list[str]) -> Attributes:
    """Odometer (km), fuel now and mean, time, speed (km/h), load, coolant, throttle, rpm, voltage, codes of faults."""
    odometer, _, mean, seconds, speed, load, coolant, throttle, rpm, volts = (fields + [""] * 10)[:10]
    codes = [code for code in fields[10:] if code]
    return known(
        odometer_m=scaled(odometer, 1000),
        fuel_mean=number(mean),
        trip_s=number(seconds),
        obd_speed_mps=scaled(speed, 1 / 3.6),
        engine_load_pct=number(load.removesuffix("%")),
        coolant_c=number(coolant),
        throttle_pct=number(throttle.removesuffix("%")),
        rpm=number(rpm),
        power_v=number(volts),
        dtcs=" ".join(codes),
    )
