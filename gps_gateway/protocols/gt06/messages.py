"""Every message of GT06 and its relatives: type → the blocks that it is composed of.

To add one: a row, made of blocks (blocks.py), or of a reader in the file of its family. A message whose
content is none of its row's is what the codec rejects by its type.
"""

from __future__ import annotations

from gps_gateway.protocols.gt06.blocks import (
    Block,
    alarm,
    cell,
    cell_4g,
    circumstances,
    fence,
    gps,
    measured_cell,
    measured_cell_4g,
    odometer,
    remainder,
    state,
    volts,
)
from gps_gateway.protocols.gt06.information import (
    bus,
    information,
    long_result,
    result,
    sensor,
    serial_port,
)
from gps_gateway.protocols.gt06.modules import modules
from gps_gateway.protocols.gt06.positions import (
    asked_by,
    battery_and_place,
    camera_alarm,
    driver,
    located,
    located_with_circumstances,
    lock,
    modular_position,
    narrow_state,
    swiped,
    vehicle_alarm,
    vehicle_box,
    wide_position,
    wide_state,
    worker,
)
from gps_gateway.protocols.gt06.status import (
    battery_pack,
    heartbeat,
    modular_heartbeat,
    voltage_heartbeat,
    worn_heartbeat,
)
from gps_gateway.protocols.gt06.wireless import (
    asked_by_cell,
    counted_neighbours,
    counted_networks,
    neighbours,
)

Row = tuple[Block, ...]

SHORT: dict[int, Row] = {
    # positions
    0x10: (gps, remainder("rest")),
    0x11: (gps, remainder("rest")),
    0x12: (located,),
    0x16: (vehicle_alarm,),
    0x17: (gps, cell, driver),
    0x1A: (asked_by,),
    0x1E: (gps, remainder("rest")),
    0x22: (located_with_circumstances,),
    0x26: (gps, measured_cell, state),
    0x27: (gps, measured_cell, state, fence),
    0x2A: (asked_by,),
    0x2D: (gps, cell, circumstances, odometer),
    0x31: (wide_position,),
    0x32: (wide_state,),
    0x34: (vehicle_box,),
    0x37: (modular_position,),
    0x38: (modular_position,),
    0x61: (swiped,),
    0x95: (camera_alarm,),
    0xA0: (gps, cell_4g, circumstances, odometer),
    0xA3: (gps, measured_cell_4g, state),
    0xA4: (gps, measured_cell_4g, state, fence),
    # state
    0x13: (heartbeat,),
    0x19: (narrow_state,),
    0x23: (voltage_heartbeat,),
    0x36: (modular_heartbeat,),
    0x40: (battery_pack,),
    0xA5: (cell_4g, state),
    # cells and Wi-Fi networks
    0x18: (neighbours(2, 3),),
    0x24: (counted_neighbours,),
    0x28: (neighbours(2, 3),),
    0x2C: (neighbours(2, 3, wifi=True),),
    0x2E: (neighbours(2, 3),),
    0x33: (neighbours(4, 8, 6, wifi=True),),
    0xA1: (neighbours(4, 8),),
    0xA2: (neighbours(4, 8, wifi=True),),
    0xA7: (cell_4g, asked_by_cell, alarm),
    0xF3: (counted_networks,),
    # others
    0x15: (result,),
    0x21: (result,),
    0x94: (volts("power_v"),),
}
"""With a BYTE of length."""

LONG: dict[int, Row] = {
    **SHORT,
    0x21: (long_result,),
    0x32: (lock(alarms=False),),
    0x33: (lock(alarms=True),),
    0x65: (bus,),
    0x66: (bus,),
    0x70: (modules,),
    0x8C: (bus,),
    0x94: (information,),
    0x9B: (serial_port,),
    0xF2: (sensor,),
}
"""With a WORD of length."""

SIZED: dict[tuple[int, int], Row] = {
    (0x36, 48): (battery_and_place,),
    (0xA2, 59): (worker,),
    **{(0xA3, size): (worn_heartbeat,) for size in range(5, 20)},
}
"""(type, bytes of its content) of those types that mean something else in another size."""


def row(kind: int, size: int, *, extended: bool) -> Row | None:
    """The blocks of a message; None: no such message is known."""
    return SIZED.get((kind, size)) or (LONG if extended else SHORT).get(kind)
