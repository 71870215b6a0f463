"""Cells and Wi-Fi networks that a terminal without a fix can hear: 0x17, 0x18, 0x24, 0x28, 0x2C, 0x2E, 0x33, 0x69,
0xA1, 0xA2, 0xF3. None of them gives a position: they are kept for whoever can look them up."""

from __future__ import annotations

from gps_gateway.protocols.fields import Fields
from gps_gateway.protocols.gt06.blocks import Block, Reading, clock, decimal_clock, network, text


def neighbours(lac: int, cell: int, count: int = 7, *, wifi: bool = False) -> Block:
    """Time, country, network, `count` cells with `lac` and `cell` bytes and a signal each, timing advance, and Wi-Fi."""

    def read(fields: Fields, reading: Reading) -> None:
        clock(fields, reading)
        network(fields, reading)
        _cells(fields, reading, count, lac, cell)
        fields.take(1)
        if wifi:
            _networks(fields, reading, fields.u8())

    return read


def counted_neighbours(fields: Fields, reading: Reading) -> None:
    """0x24: seven cells as of the others, or with the timing advance and a count before them ("S20")."""
    if fields.left == 44:
        clock(fields, reading)
        fields.take(1)
        network(fields, reading)
        _cells(fields, reading, fields.u8(), 2, 3)
    else:
        neighbours(2, 3)(fields, reading)


def bare_networks(count: int, fields: Fields, reading: Reading) -> None:
    """0x17 and 0x69 without serial: `count` Wi-Fi networks, then a counted list of cells under one country."""
    decimal_clock(fields, reading)
    _networks(fields, reading, count)
    cells = fields.u8()
    network(fields, reading)
    _cells(fields, reading, cells, 2, 2)


def counted_networks(fields: Fields, reading: Reading) -> None:
    """0xF3: a counted list of Wi-Fi networks of 8 bytes, whose address is at the end."""
    decimal_clock(fields, reading)
    found = [_address(fields.take(8)[2:]) for _ in range(fields.u8())]
    if found:
        reading.attributes["wifi"] = " ".join(found)


def asked_by_cell(fields: Fields, reading: Reading) -> None:
    """0x17 and 0xA7: the telephone that wishes to know the address of a cell."""
    if phone := text(fields.take(min(fields.left, 21))):
        reading.attributes["phone"] = phone


def _cells(fields: Fields, reading: Reading, count: int, lac: int, cell: int) -> None:
    """The first one that is there is the serving cell; all of them in `cells` as area/cell/signal."""
    found = [(fields.number(lac), fields.number(cell), fields.u8()) for _ in range(count)]
    heard = [one for one in found if one[0]]
    if heard:
        reading.attributes |= {"lac": heard[0][0], "cell_id": heard[0][1]}
        reading.attributes["cells"] = " ".join("/".join(map(str, one)) for one in heard)


def _networks(fields: Fields, reading: Reading, count: int) -> None:
    """Address and signal of each, in `wifi` as address/signal; zeros are none."""
    found = [fields.take(7) for _ in range(count)]
    if heard := [f"{_address(one)}/{one[6]}" for one in found if any(one[:6])]:
        reading.attributes["wifi"] = " ".join(heard)


def _address(raw: bytes) -> str:
    return raw[:6].hex(":")
