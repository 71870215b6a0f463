"""What a tracker answers to commands and hands on from its serial port: codec 12, 13, 14 and 15."""

from __future__ import annotations

from collections.abc import Callable

from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.teltonika.records import Record

CAMERA = 0x0D
"""Type of what a camera at the serial port sends in codec 12: pictures, which are not asked for here."""


def _answer(*, time: bool = False, imei: bool = False) -> Callable[[Fields], Record]:
    """Type BYTE, length DWORD, and within it time and IMEI where the codec has them, then the answer."""

    def read(fields: Fields) -> Record:
        kind, record = fields.u8(), Record()
        part = Fields(fields.take(fields.u32()))
        if time:
            record.time = float(part.u32())
        if imei:
            part.take(8)
        record.attributes["answer"] = kind
        if kind != CAMERA:
            _note_result(record, part.rest())
        return record

    return read


def _note_result(record: Record, raw: bytes) -> None:
    """Text where it is one, hexadecimal digits otherwise; `GTSL|...` names the driver of a card in its fifth field."""
    text = raw.decode("ascii", "replace").strip("\0\r\n ")
    readable = text.isascii() and text.replace("\r", "").replace("\n", "").replace("\t", "").isprintable()
    record.attributes["result"] = text if readable else raw.hex()
    fields = text.split("|")
    if fields[0] == "GTSL" and len(fields) > 4 and fields[4].strip("0"):
        record.attributes["driver_id"] = fields[4]


ANSWERS: dict[int, Callable[[Fields], Record]] = {
    0x0C: _answer(),
    0x0D: _answer(time=True),
    0x0E: _answer(imei=True),
    0x0F: _answer(time=True, imei=True),
}
"""Codec → reader of one answer."""
