"""What a message means by its kind alone, or by its report type."""

from __future__ import annotations

from gps_gateway.codec import Attributes
from gps_gateway.protocols.gl200.message import Message

_MEANING: dict[str, Attributes] = {
    "SOS": {"alarm": "sos"},
    "SPD": {"alarm": "overspeed"},
    "TOW": {"alarm": "tow"},
    "PNA": {"alarm": "power_on"},
    "PFA": {"alarm": "power_off"},
    "MPN": {"alarm": "power_restored"},
    "EPN": {"alarm": "power_restored"},
    "MPF": {"alarm": "power_cut"},
    "EPF": {"alarm": "power_cut"},
    "BPL": {"alarm": "low_battery"},
    "CRA": {"alarm": "accident"},
    "TMP": {"alarm": "temperature"},
    "TPL": {"alarm": "temperature"},
    "JDR": {"alarm": "jamming"},
    "JDS": {"alarm": "jamming"},
    "IDL": {"alarm": "idle"},
    "GIN": {"alarm": "geofence_enter"},
    "GOT": {"alarm": "geofence_exit"},
    "TSW": {"alarm": "tampering"},
    "IGN": {"ignition": True},
    "VGN": {"ignition": True},
    "IGF": {"ignition": False},
    "VGF": {"ignition": False},
    "BTC": {"charging": True},
    "STC": {"charging": False},
}

_DRIVING = {"0": "braking", "1": "acceleration", "2": "cornering", "3": "braking", "4": "acceleration"}
"""GTHBM: second digit of its report type; 3 and 4 are braking and accelerating in a turn."""

_MOTION = {"0": False, "1": True}


def meaning(message: Message, begin: int | None) -> Attributes:
    """`begin`: where its first position begins; before it stand report type and number."""
    attributes = dict(_MEANING.get(message.kind, {}))
    if begin is None:
        return attributes
    kind = message.at(begin - 2)
    match message.kind:
        case "HBM" if kind[-1:] in _DRIVING:
            attributes["alarm"] = _DRIVING[kind[-1:]]
        case "GEO" if kind[-1:] in _MOTION:
            attributes["alarm"] = "geofence_enter" if kind[-1:] == "1" else "geofence_exit"
            attributes["geofence"] = kind[:-1] or message.at(begin - 3)
        case "IGL" if kind[-1:] in _MOTION:
            attributes["ignition"] = kind[-1:] == "0"  # 0: switched on, 1: switched off
        case "DIS" if len(kind) == 2 and kind[-1:] in _MOTION:
            attributes[f"input_{kind[0]}"] = _MOTION[kind[-1:]]
        case "STT":
            attributes["status"] = message.at(begin - 1)
    return attributes
