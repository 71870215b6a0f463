"""`dispatch45 decode`: what a technician pastes from a terminal's log, read at once.

One packet a line goes through one codec in its order, as if every packet had been a connection's last words:
what it leaves incomplete is rejected. Every value that can be accepted is, so that `replies` shows what the
device would hear from a gateway that knows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any

import click

from dispatch.messages import code_for
from gps_gateway.codec import (
    Checksum,
    Codec,
    Event,
    Fix,
    Frame,
    Login,
    Register,
    Rejected,
    Report,
    Status,
    Unsupported,
)
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.protocols.jt808.framing import escape

STREAMS = {name: protocol for name, protocol in PROTOCOLS.items() if isinstance(protocol, Stream)}
ESCAPED = frozenset({"jt808", "jt905"})

_BETWEEN = re.compile(r"[\s:,-]+|0[xX]")
"""What logs write between bytes and before them."""


@click.command(epilog=f"PROTOCOL is one of {', '.join(sorted(STREAMS))}.")
@click.argument("protocol", metavar="PROTOCOL", type=click.Choice(sorted(STREAMS), case_sensitive=False))
@click.argument("file", type=click.File("r", encoding="utf-8-sig", errors="surrogateescape"), default="-")
@click.option("--text", is_flag=True, help="Lines are the packets themselves, not hexadecimal digits.")
@click.option("--checksum", type=click.Choice(["strict", "accept"]), default="accept", show_default=True)
@click.option("--unescaped", is_flag=True, help="JT/T 808 and 905: the escaping was already undone.")
def decode(protocol: str, file: IO[str], text: bool, checksum: Checksum, unescaped: bool) -> None:
    """Read packets of one device, one a line, and print what each means as one JSON line.

    Without FILE, or with -, they are read from standard input. Hexadecimal digits may be in either case, with 0x before
    bytes, and with blanks, colons, commas or hyphens between; what a log writes before the packet has to be cut off.
    Give the login as well where only that names the device.
    """
    if unescaped and protocol not in ESCAPED:
        raise click.UsageError(f"--unescaped: {protocol} has no escaping")
    codec = STREAMS[protocol].codec(checksum)
    for line in file:
        if packet := line.strip("\r\n" if text else None):
            click.echo(json.dumps(_answer(codec, packet, text, unescaped), ensure_ascii=False))


def _answer(codec: Codec, packet: str, text: bool, unescaped: bool) -> dict[str, Any]:
    if text:
        return read(codec, packet.encode("utf-8", "surrogateescape"))
    digits = _BETWEEN.sub("", packet)
    if wrong := re.search(r"[^0-9a-fA-F]", digits):
        where = f"{wrong[0]!r} at digit {wrong.start() + 1}"
        return _unread(f"not hexadecimal: {where} (lines of text are read with --text)")
    if len(digits) % 2:
        return _unread(f"not hexadecimal: an odd number of digits ({len(digits)})")
    data = bytes.fromhex(digits)
    return read(codec, escape(data.removeprefix(b"\x7e").removesuffix(b"\x7e")) if unescaped else data)


def _unread(why: str) -> dict[str, Any]:
    return {"events": [], "replies": [], "rejected": why}


def read(codec: Codec, packet: bytes) -> dict[str, Any]:
    """One packet's `events` (a position each), `replies` in hexadecimal digits, and why it was `rejected`."""
    events = [*codec.receive(packet), *codec.end()]
    for event in events:
        if isinstance(event, Unsupported):
            codec.refuse(event, "unsupported")
        elif isinstance(event, Frame):
            codec.accept(event, code_for("", event.device) if isinstance(event, Register) else "")
    reasons = [event.reason for event in events if isinstance(event, Rejected)]
    return {
        "events": [row for event in events if isinstance(event, Frame) for row in _rows(event)],
        "replies": [frame.hex() for frame in codec.to_send()],
        "rejected": reasons[0] if reasons else None,
    }


def _rows(event: Event) -> Iterator[dict[str, Any]]:
    assert isinstance(event, Frame)
    head = {"type": type(event).__name__.lower(), "device": event.device or None}
    match event:
        case Report():
            yield from ({**head, **_fix(fix)} for fix in event.fixes)
        case Status():
            yield {**head, **_NOWHERE, "fix_time": _iso(event.time), "attributes": event.attributes}
        case Register():
            yield {**head, **_NOWHERE, "attributes": event.facts}
        case Login():
            yield {**head, **_NOWHERE, "attributes": {} if event.code is None else {"code": event.code}}
        case _:
            yield {**head, **_NOWHERE, "attributes": _what_it_says(event)}


_NOWHERE: dict[str, Any] = dict.fromkeys(("lat", "lon", "fix_time", "valid", "speed_mps", "course_deg"))


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "lat": fix.lat,
        "lon": fix.lon,
        "fix_time": _iso(fix.time),
        "valid": fix.valid,
        "speed_mps": fix.speed_mps,
        "course_deg": fix.course_deg,
        "attributes": {"altitude_m": fix.altitude_m, **fix.attributes}
        if fix.altitude_m is not None
        else fix.attributes,
    }


def _what_it_says(event: Frame) -> dict[str, Any]:
    """The fields of its own, beside those that every value has."""
    return {
        name: getattr(event, name) for name in event.__struct_fields__ if name not in Frame.__struct_fields__
    }


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds").replace("+00:00", "Z")
