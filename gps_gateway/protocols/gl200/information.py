"""What single messages say of the device itself: GTINF, cells, access points, sensors, versions."""

from __future__ import annotations

import re
from collections.abc import Callable

from gps_gateway.codec import Attributes
from gps_gateway.protocols.gl200.fields import hexadecimal, number, percent, whole
from gps_gateway.protocols.gl200.message import TIME, Message
from gps_gateway.protocols.gl200.vehicle import STATES, state


def information(message: Message) -> Attributes:
    """GTINF: state, ICCID, signal, error rate, external power, (two fields), battery in volts, charging, ...

    The two fields are supplies in millivolts on vehicle devices, mileage in kilometres on handhelds, which also say their
    battery percentage behind the time of the last fix.
    """
    at = next((n for n in (1, 2, 3) if message.at(n) in STATES), None)
    if at is None:
        return {}
    attributes = state(message.at(at))
    if re.fullmatch(r"[0-9A-Fa-f]{18,20}", message.at(at + 1)):
        attributes["iccid"] = message.at(at + 1)
    if (signal := whole(message.at(at + 2))) is not None and signal < 99:
        attributes["gsm_signal"] = signal
    for name, place in (("power_v", at + 5), ("power_2_v", at + 6)):
        millivolts = whole(message.at(place))
        if millivolts is not None and millivolts >= 1000:
            attributes[name] = millivolts / 1000
    if message.handheld and (km := number(message.at(at + 5))) is not None:
        attributes["odometer_m"] = round(km * 1000, 1)
    if (volts := number(message.at(at + 7))) is not None and 2 <= volts <= 9:
        attributes["battery_v"] = volts
    if message.at(at + 8) in {"0", "1"}:
        attributes["charging"] = message.at(at + 8) == "1"
    return attributes | _handheld(message, at)


def _handheld(message: Message, at: int) -> Attributes:
    """Behind the time of the last fix: battery percentage, (kind of memory), temperature."""
    fixed = next((n for n in range(at + 9, len(message.fields)) if TIME.fullmatch(message.at(n))), None)
    if not message.handheld or fixed is None:
        return {}
    attributes: Attributes = {}
    if (battery := percent(message.at(fixed + 1))) is not None:
        attributes["battery_pct"] = battery
    if (celsius := number(message.at(fixed + 3))) is not None:
        attributes["temperature_c"] = celsius
    return attributes


def cells(message: Message) -> Attributes:
    """GTGSM and GTLBS: MCC, MNC, LAC, cell, signal and a reserved field for each cell; the last one serves the device."""
    seen: list[tuple[int, int, int, int]] = []
    fields = message.fields
    at = 1
    while at + 4 < len(fields):
        mcc, mnc = whole(fields[at]), whole(fields[at + 1])
        lac, cell = hexadecimal(fields[at + 2]), hexadecimal(fields[at + 3])
        if len(fields[at]) in {3, 4} and mcc and mnc is not None and lac is not None and cell is not None:
            seen.append((mcc, mnc, lac, cell))
            at += 6
        else:
            at += 1
    if not seen:
        return {}
    attributes: Attributes = dict(zip(("mcc", "mnc", "lac", "cell_id"), seen[-1], strict=True))
    if len(seen) > 1:
        attributes["neighbours"] = ";".join(f"{a}-{b}-{c}-{d}" for a, b, c, d in seen[:-1])
    if message.kind == "LBS" and (battery := percent(message.at(3))) is not None:
        attributes["battery_pct"] = battery
    return attributes


def access_points(message: Message) -> Attributes:
    """GTWIF: count, then address, signal and three reserved fields each; the battery last."""
    pairs = zip(message.fields, message.fields[1:], strict=False)
    seen = [f"{one} {dbm}" for one, dbm in pairs if re.fullmatch(r"[0-9a-fA-F]{12}", one) and number(dbm)]
    attributes: Attributes = {"wifi": ";".join(seen)} if seen else {}
    if (battery := percent(message.at(len(message.fields) - 1))) is not None:
        attributes["battery_pct"] = battery
    return attributes


def stationary(message: Message) -> Attributes:
    """GTSTR of GL500: two numbers, mode, temperature, battery percentage, and the position."""
    attributes: Attributes = {}
    if (celsius := number(message.at(4))) is not None:
        attributes["temperature_c"] = celsius
    if (battery := percent(message.at(5))) is not None:
        attributes["battery_pct"] = battery
    return attributes


def forwarded(message: Message) -> Attributes:
    """GTDAT: text from the serial port, the longest field of the message."""
    data = max(message.fields, key=len, default="")
    return {"data": data} if data else {}


def transparent(message: Message) -> Attributes:
    """GTDTT: length and data in hexadecimal digits; an Escort fuel probe says `COMB,0,level,degrees`."""
    at = next(
        (n for n, raw in enumerate(message.fields) if len(raw) > 8 and hexadecimal(raw[:16]) is not None),
        None,
    )
    if at is None or not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", message.at(at)):
        return {}
    data = bytes.fromhex(message.at(at)).decode("latin-1")
    attributes: Attributes = {"data": data}
    if probe := re.search(r"COMB,\d+,(\d+\.?\d*),(-?\d+\.?\d*)", data, re.ASCII):
        attributes |= {"fuel": float(probe[1]), "temperature_c": float(probe[2])}
    return attributes


def accessory(message: Message) -> Attributes:
    """GTBAA: index, kind, model, alarm, append mask, then address and battery in millivolts of a Bluetooth accessory."""
    at = next((n for n, raw in enumerate(message.fields) if re.fullmatch(r"[0-9A-F]{12}", raw)), None)
    if at is None:
        return {}
    attributes: Attributes = {"tag_id": message.at(at)}
    if (millivolts := whole(message.at(at + 1))) is not None:
        attributes["accessory_v"] = millivolts / 1000
    return attributes


def driver(message: Message) -> Attributes:
    """GTIDA: the tag that was read, the first field of eight to sixteen hexadecimal digits behind the name."""
    tags = (raw for raw in message.fields[1:6] if re.fullmatch(r"[0-9A-F]{8,16}", raw))
    found = next(tags, "")
    return {"driver_id": found} if found else {}


def temperature(message: Message) -> Attributes:
    """GTTEM of GL300: kind of report, degrees."""
    celsius = number(message.at(2))
    return {} if celsius is None else {"temperature_c": celsius}


def signal(message: Message) -> Attributes:
    strength = whole(message.at(1))
    return {} if strength is None or strength > 31 else {"gsm_signal": strength}


def versions(message: Message) -> Attributes:
    named = {"model": message.at(1), "firmware": message.at(2), "hardware": message.at(3)}
    return {name: value for name, value in named.items() if value}


def iccid(message: Message) -> Attributes:
    return {"iccid": message.at(1)} if message.at(1) else {}


INFORMATION: dict[str, Callable[[Message], Attributes]] = {
    "INF": information,
    "GSM": cells,
    "LBS": cells,
    "WIF": access_points,
    "STR": stationary,
    "DAT": forwarded,
    "DTT": transparent,
    "BAA": accessory,
    "IDA": driver,
    "TEM": temperature,
    "CSQ": signal,
    "VER": versions,
    "CID": iccid,
}
"""Message → reader of what it says of the device."""
