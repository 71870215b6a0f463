"""Binary records: CCE (parameters by id, in groups of 1, 2, 4 and any number of bytes) and the older CCC. Little endian.

CCE: records still in the device's memory DWORD, count WORD, then for each record its length WORD, index WORD, and the four
groups: count BYTE, then id (0xFE begins an id of two bytes), value. In the last group a length BYTE stands before the value.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack_from

from gps_gateway.codec import Attributes, Fix
from gps_gateway.protocols.meitrack.events import event_attributes, voltages
from gps_gateway.protocols.units import KMH, bearing

_EPOCH = 946_684_800
"""Times are seconds since 2000-01-01 UTC."""

_NAMED: dict[int, tuple[str, float]] = {
    0x06: ("satellites", 1),
    0x07: ("gsm_signal", 1),
    0x14: ("output", 1),
    0x15: ("input", 1),
    0x97: ("throttle_pct", 1),
    0x9D: ("fuel_pct", 1),
    0xFE69: ("battery_pct", 1),
    0x0A: ("hdop", 0.1),
    0x16: ("adc_1", 0.01),
    0x17: ("adc_2", 0.01),
    0x18: ("adc_3", 0.01),
    0x19: ("battery_v", 0.01),
    0x1A: ("power_v", 0.01),
    0x29: ("fuel_pct", 0.01),
    0x91: ("obd_speed_kmh", 1),
    0x92: ("obd_speed_kmh", 1),
    0x99: ("rpm", 1),
    0x9C: ("coolant_c", 1),
    0x9F: ("temperature_1_c", 1),
    0x0C: ("odometer_m", 1),
    0x0D: ("engine_hours_s", 1),
    0x1C: ("status", 1),
    0x9B: ("obd_odometer_m", 1),
    0xA0: ("fuel_used_l", 0.001),
    0xA2: ("fuel_consumption", 0.01),
    0xFEF4: ("engine_hours_s", 60),
}
"""Id → attribute and unit. 0xFEF4 counts the engine's minutes and comes after 0x0D, which counts the device's seconds.

The makers' lists of ids are not public for every model: these are the ids that several devices' packets agree on. What
has no name here is kept as `parameter_` and its id."""

_SIGNED = frozenset({0x02, 0x03, 0x0B, 0x9C, 0x9F})

_POSITION = frozenset({0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0B})
"""Latitude, longitude, time, validity, speed, course, altitude."""

Record = Fix | tuple[Attributes, float | None]
"""Without coordinates: what else it says, and its time."""


def read_cce(body: bytes) -> tuple[list[Record], int] | None:
    """Its records, and how many it announced; None where it is too short for a record."""
    if len(body) < 6:
        return None
    (count,) = unpack_from("<H", body, 4)
    at, found = 6, []
    for _ in range(count):
        if at + 4 > len(body):
            break
        (size,) = unpack_from("<H", body, at)
        record = body[at + 4 : at + 2 + size]
        at += 2 + size
        if at > len(body):
            break
        found.append(_record(record))
    return found, count


def _record(raw: bytes) -> Record:
    values: dict[int, int] = {}
    attributes: Attributes = {}
    at = _read_groups(raw, values)
    _read_any(raw, at, attributes)
    numbers: Attributes = {}
    for key, value in values.items():
        if key in _NAMED:
            name, unit = _NAMED[key]
            numbers[name] = value if unit == 1 else round(value * unit, 3)
        elif key == 0x47 and value:  # 0: there is no lock
            numbers["lock"] = value == 2
        elif key not in _POSITION and key not in {0x01, 0x40}:
            numbers[f"parameter_{key:02x}"] = value
    event = values.get(0x40, values.get(0x01))
    attributes = (event_attributes(event) if event is not None else {}) | numbers | attributes
    time = values[0x04] + float(_EPOCH) if 0x04 in values else None
    lat, lon = values.get(0x02), values.get(0x03)
    if lat is None or lon is None or abs(lat) > 90_000_000 or abs(lon) > 180_000_000:
        return attributes, time
    return Fix(
        time,
        lat / 1e6,
        lon / 1e6,
        values.get(0x05, 0) > 0,
        values[0x08] * KMH if 0x08 in values else None,
        bearing(values[0x09]) if 0x09 in values else None,
        float(values[0x0B]) if 0x0B in values else None,
        attributes,
    )


def _read_groups(raw: bytes, values: dict[int, int]) -> int:
    """The three groups of fixed sizes into `values`; where the last group begins. Stops where a record is cut."""
    at = 0
    for size in (1, 2, 4):
        if at >= len(raw):
            return at
        count, at = raw[at], at + 1
        for _ in range(count):
            key, at = _id(raw, at)
            if at + size > len(raw):
                return len(raw)
            values[key] = int.from_bytes(raw[at : at + size], "little", signed=key in _SIGNED)
            at += size
    return at


def _id(raw: bytes, at: int) -> tuple[int, int]:
    """The id that begins at `at`, and where its value begins."""
    if raw[at : at + 1] == b"\xfe":
        return int.from_bytes(raw[at : at + 2]), at + 2
    return int.from_bytes(raw[at : at + 1]), at + 1


def _read_any(raw: bytes, at: int, attributes: Attributes) -> None:
    """The group of any sizes. Some firmwares write a wrong length: what cannot be read then is kept as it is."""
    count, at = (raw[at], at + 1) if at < len(raw) else (0, at)
    for _ in range(count):
        begin = at
        key, at = _id(raw, at)
        end = at + 1 + raw[at] if at < len(raw) else len(raw) + 1
        if end > len(raw):
            attributes["broken_items"] = raw[begin : begin + 64].hex()
            return
        value = raw[at + 1 : end]
        read = _ANY.get(key)
        if 0x1D <= key <= 0x24:
            _add_access_point(value, attributes)
        elif (known := read(value) if read else None) is not None:
            attributes |= known
        else:
            attributes[f"parameter_{key:02x}"] = value[:64].hex()
        at = end


def _cell(value: bytes) -> Attributes | None:
    """0x0E: MCC, MNC, LAC, cell, signal in dBm."""
    if len(value) != 12:
        return None
    mcc, mnc, lac, cell, dbm = unpack_from("<HHHIh", value)
    if mcc == 0:
        return {}
    attributes: Attributes = {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}
    return attributes | {"gsm_dbm": dbm} if dbm else attributes


def _network(value: bytes) -> Attributes | None:
    """0x4B: version, type, length, name of the network."""
    if len(value) < 3 or len(value) != 3 + value[2]:
        return None
    return {"network": _ascii(value[3:])}


def _picture(value: bytes) -> Attributes | None:
    """0xFE31: two kinds of alarm of the camera, then the picture's name, which begins with its day."""
    name = _ascii(value[2:])
    if len(value) < 10 or not name[:8].isdecimal():
        return None
    return {"image": f"{name[:4]}-{name[4:6]}-{name[6:8]}/{name}", "camera_alarm": f"{value[0]}.{value[1]}"}


def _tag(value: bytes) -> Attributes | None:
    """0xFE73: a Bluetooth sensor: (index,) length, name, address, battery, temperature and humidity in 1/256."""
    if len(value) < 2 or len(value) < 2 + value[1] + 11:
        return None
    end = 2 + value[1]
    battery, temperature, humidity = unpack_from("<BhH", value, end + 6)
    return {
        "tag_name": _ascii(value[2:end]),
        "tag_id": value[end : end + 6].hex(),
        "tag_battery_pct": battery,
        "tag_temperature_c": temperature / 256,
        "tag_humidity_pct": humidity / 256,
    }


def _batteries(value: bytes) -> Attributes | None:
    """0xFEA8: three batteries (device, lock, ...), each its state (0: there is none) and percent."""
    if len(value) < 6:
        return None
    names = ("battery_pct", "battery_2_pct", "battery_3_pct")
    return {name: value[2 * n + 1] for n, name in enumerate(names) if value[2 * n]}


def _add_access_point(value: bytes, attributes: Attributes) -> None:
    """0x1D to 0x24: a wireless access point, address and signal in dBm."""
    if len(value) == 8:
        seen = f"{value[:6].hex()} {int.from_bytes(value[6:], 'little', signed=True)}"
        attributes["wifi"] = f"{attributes['wifi']};{seen}" if "wifi" in attributes else seen


def _ascii(raw: bytes) -> str:
    return raw.decode("ascii", "replace").strip("\0 ")


_ANY: dict[int, Callable[[bytes], Attributes | None]] = {
    0x0E: _cell,
    0x4B: _network,
    0xFE31: _picture,
    0xFE73: _tag,
    0xFEA8: _batteries,
}
"""Id → reader of its value; None where the value is not what its table says."""

_CCC = Struct("<BiiIBBBHHHhIIHHHHHHHHI")
"""Event, latitude, longitude, time, valid, satellites, signal, speed, course, dilution, altitude, odometer, running time,
MCC, MNC, LAC, cell, state, AD1, AD4, AD5, event's data."""


def read_ccc(body: bytes) -> tuple[list[Record], int] | None:
    """Version WORD, record length WORD, count WORD, records still in memory WORD, records of one length."""
    if len(body) < 8:
        return None
    size, count = unpack_from("<HH", body, 2)
    if size < _CCC.size:
        return None
    starts = [8 + n * size for n in range(count)]
    return [_fixed(body, at) for at in starts if at + size <= len(body)], count


def _fixed(body: bytes, at: int) -> Record:
    (
        *head,
        odometer,
        running,
        mcc,
        mnc,
        lac,
        cell,
        state,
        adc_1,
        battery,
        power,
        _,
    ) = _CCC.unpack_from(body, at)
    event, lat, lon, time, valid, satellites, signal, speed, course, hdop, altitude = head
    attributes = event_attributes(event) | {
        "satellites": satellites,
        "gsm_signal": signal,
        "hdop": hdop / 10,
        "odometer_m": odometer,
        "engine_hours_s": running,
        "output": state & 0xFF,
        "input": state >> 8,
        "adc_1": adc_1,
    }
    if mcc:
        attributes |= {"mcc": mcc, "mnc": mnc, "lac": lac, "cell_id": cell}
    attributes |= voltages(battery, power)
    if abs(lat) > 90_000_000 or abs(lon) > 180_000_000:
        return attributes, float(_EPOCH + time)
    return Fix(
        float(_EPOCH + time),
        lat / 1e6,
        lon / 1e6,
        valid > 0,
        speed * KMH,
        bearing(course),
        float(altitude),
        attributes,
    )
