"""AVL records of codec 8, 8 extended and 16 ("Codec for device data sending"), and of the GH3000 (codec 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import unpack

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.teltonika.elements import note, note_gh3000
from gps_gateway.protocols.units import KMH, bearing

_YEAR_10000 = 253_402_300_800
_2007 = 1_167_609_600
"""Start of 2007, from which a GH3000 counts."""
_DEGREE = 10_000_000


@dataclass
class Record:
    """One record; `fix`: None where it has no coordinates."""

    time: float | None = None
    fix: Fix | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Widths:
    """Bytes of ids, counts and the event, which is all that the codecs differ in, beside what two of them add."""

    id: int
    count: int
    event: int
    generation: bool = False
    """A BYTE says why the record was made."""
    variable: bool = False
    """Elements of any length are at the end."""


def _avl(widths: Widths) -> Callable[[Fields], Record]:
    """Time in ms, priority, longitude, latitude, altitude, angle, satellites, speed, event, elements by their sizes."""

    def read(fields: Fields) -> Record:
        milliseconds = fields.number(8)
        record = Record(milliseconds / 1000 if 0 < milliseconds < _YEAR_10000 * 1000 else None)
        record.attributes["priority"] = fields.u8()
        lon, lat, altitude = fields.signed(4), fields.signed(4), fields.signed(2)
        angle, satellites, speed = fields.u16(), fields.u8(), fields.u16()
        record.attributes["satellites"] = satellites
        event = fields.number(widths.event)
        if event:
            record.attributes["event"] = event
        if widths.generation:
            fields.u8()
        fields.number(widths.count)
        for size in (1, 2, 4, 8):
            for _ in range(fields.number(widths.count)):
                note(record.attributes, fields.number(widths.id), fields.take(size), event)
        if widths.variable:
            for _ in range(fields.u16()):
                element = fields.u16()
                note(record.attributes, element, fields.take(fields.u16()), event)
        _locate(record, lat / _DEGREE, lon / _DEGREE, satellites > 0, speed * KMH, bearing(angle), altitude)
        return record

    return read


def _locate(
    record: Record,
    lat: float,
    lon: float,
    valid: bool,
    speed: float | None,
    course: float | None,
    altitude: int | None,
) -> None:
    """Without a fix a tracker repeats the last coordinates with 0 satellites, or gives zeros: those are none."""
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        record.attributes["out_of_range"] = f"{lat},{lon}"
    elif valid or lat or lon:
        height = None if altitude is None else float(altitude)
        known = valid and record.time is not None
        record.fix = Fix(record.time, lat, lon, known, speed, course, height, record.attributes)


def _gh3000(fields: Fields) -> Record:
    """Time and priority, a mask of what follows, position by a mask of its own, elements of 1, 2 and 4 bytes."""
    record = Record(float((fields.u32() & 0x3FFFFFFF) + _2007))
    mask = fields.u8()
    if mask & 0x01:
        _gh3000_position(fields, record)
    for bit, size in ((0x02, 1), (0x04, 2), (0x08, 4)):
        for _ in range(fields.u8() if mask & bit else 0):
            note_gh3000(record.attributes, fields.u8(), fields.take(size), 0)
    return record


def _gh3000_position(fields: Fields, record: Record) -> None:
    mask = fields.u8()
    lat, lon = unpack(">ff", fields.take(8)) if mask & 0x01 else (0.0, 0.0)
    altitude = fields.u16() if mask & 0x02 else None
    course = fields.u8() * 360 / 256 if mask & 0x04 else None
    speed = fields.u8() * KMH if mask & 0x08 else None
    satellites = fields.u8() if mask & 0x10 else None
    if satellites is not None:
        record.attributes["satellites"] = satellites
    if mask & 0x20:
        record.attributes |= {"lac": fields.u16(), "cell_id": fields.u16()}
    if mask & 0x40:
        record.attributes["gsm_signal"] = fields.u8()
    if mask & 0x80:
        operator = str(fields.u32())
        if len(operator) > 3:
            record.attributes |= {"mcc": int(operator[:3]), "mnc": int(operator[3:])}
    _locate(record, lat, lon, bool(mask & 0x01) and satellites != 0, speed, course, altitude)


RECORDS: dict[int, Callable[[Fields], Record]] = {
    0x07: _gh3000,
    0x08: _avl(Widths(id=1, count=1, event=1)),
    0x10: _avl(Widths(id=2, count=1, event=2, generation=True)),
    0x8E: _avl(Widths(id=2, count=2, event=2, variable=True)),
}
"""Codec → reader of one record."""
