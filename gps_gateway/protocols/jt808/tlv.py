"""Orders to and from 2019 terminals: 0x8900 and 0x0900 with user types (2019: 8.63, 8.64 leave 0xF0 to 0xFF to us).

Body after the type: format BYTE (1), then tag BYTE, length BYTE, value. Numbers are unsigned and big-endian, text is
GBK; an unknown tag is passed over, so that later formats may add some. This is the table for whoever makes the
terminal's side:

| tag | value |
|---|---|
| 1 | order id, text |
| 2 | version, DWORD |
| 3 | operation, BYTE: 1 assign, 2 recall, 3 accept, 4 refuse, 5 depart, 6 arrive, 7 restore, 8 may be worked |
| 4 | time, BCD[6] in GMT+8 |
| 5 | latitude, longitude: two signed DWORDs, millionths of a degree |
| 6 | number of the order on this terminal, BYTE |
| 7 | what a person reads, text |

Type 0xF1 carries one order. Type 0xF2 (operation 8) carries the whole set of orders that may be worked, a pair of tags
1 and 2 each: these and no others. Tags 1, 2 and 3 have to be in every message from a terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack

from gps_gateway.codec import Step, Workable
from gps_gateway.protocols.jt808.items import number, text

ORDER, WORKABLE = 0xF1, 0xF2
FORMAT = 1
ID, VERSION, OPERATION, TIME, PLACE, SLOT, TEXT = 1, 2, 3, 4, 5, 6, 7
ASSIGN, RECALL, ACCEPT, REFUSE, DEPART, ARRIVE, RESTORE, WORK = 1, 2, 3, 4, 5, 6, 7, 8

PRESSES: dict[int, Step] = {
    ACCEPT: "acknowledge",
    REFUSE: "reject",
    DEPART: "depart",
    ARRIVE: "arrive",
    RESTORE: "restore",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a terminal says of one order."""

    order_id: str
    version: int
    operation: int
    time: bytes
    place: bytes


def tag(name: int, value: bytes) -> bytes:
    """One item; what does not fit into its length BYTE is cut by who makes it."""
    return bytes((name, len(value))) + value


def order_id(name: str) -> bytes:
    """Tag 1. An id that does not fit is cut: then no step of a terminal names an order of ours."""
    return tag(ID, name.encode("gbk", "backslashreplace")[:255])


def of_order(operation: int, name: str, version: int, slot: int, said: bytes = b"") -> bytes:
    """Body of 0x8900 for one order."""
    body = bytes((ORDER, FORMAT)) + order_id(name) + tag(VERSION, pack(">I", version))
    body += tag(OPERATION, bytes((operation,))) + tag(SLOT, bytes((slot,)))
    return body + (tag(TEXT, said) if said else b"")


def of_workable(orders: tuple[Workable, ...]) -> bytes:
    """Body of 0x8900 for the set of orders that may be worked."""
    body = bytes((WORKABLE, FORMAT)) + tag(OPERATION, bytes((WORK,)))
    return body + b"".join(order_id(o.order_id) + tag(VERSION, pack(">I", o.version)) for o in orders)


def read(body: bytes) -> Said | None:
    """Of a 0x0900 of type ORDER, without its type byte; None where it is not whole."""
    if not body or body[0] != FORMAT:
        return None
    items: dict[int, bytes] = {}
    at = 1
    while at < len(body):
        stop = at + 2 + body[at + 1] if at + 1 < len(body) else len(body) + 1
        if stop > len(body) or body[at] in items:
            return None
        items[body[at]] = body[at + 2 : stop]
        at = stop
    name, version, operation = items.get(ID, b""), items.get(VERSION, b""), items.get(OPERATION, b"")
    if not name or len(version) != 4 or len(operation) != 1:
        return None
    return Said(text(name), number(version), operation[0], items.get(TIME, b""), items.get(PLACE, b""))
