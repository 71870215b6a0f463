"""The outer form of a message, the same in every model's document.

`+RESP:GTFRI,` protocol version, IMEI, name, ... , send time, count `$`. `+BUFF:` is the same message sent later, `+ACK:`
answers a command or is the heartbeat. The version's first two digits (six of them in the newest, with ten digits) are
the device type. Devices with a VIN (GV500) say it before their name. Old firmwares leave out the version.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_HEAD = re.compile(r"\+(RESP|BUFF|ACK):GT([A-Z0-9]{3}),")
_VERSION = re.compile(r"[0-9A-Z]{2}[0-9A-F]{4}(?:[0-9A-F]{2}|[0-9A-F]{4})?")
_IDENTITY = re.compile(r"\d{15}|[0-9A-F]{14}")
"""An IMEI, or the MEID of a CDMA device."""
TIME = re.compile(r"20\d{12}", re.ASCII)
_COUNT = re.compile(r"[0-9A-Fa-f]{4}")

HANDHELD = frozenset({"02", "11", "1A", "21", "28", "2C", "30", "40", "42", "44", "66", "C3", "DE", "F5"})
"""Device types that carry their own battery: GL100 to GL320M, GL500, GT500. All others are vehicles' and report
mileage, hour meter and analog inputs."""

VIN = frozenset({"1F", "2D", "36", "5E"})
"""Device types on the diagnosis connector (GV500 and its kin): a VIN stands before the device's name."""


class Message(NamedTuple):
    """`fields`: what stands between the identity and the send time, the device's name first."""

    form: str
    kind: str
    version: str
    device: str
    fields: list[str]
    send_time: str
    serial: str
    """<Count number>: what an acknowledgement names."""

    @property
    def model(self) -> str:
        """The device type: two digits, six in versions of ten."""
        return self.version[:6] if len(self.version) > 8 else self.version[:2]

    @property
    def handheld(self) -> bool:
        return self.model in HANDHELD

    @property
    def name_at(self) -> int:
        return 1 if self.model in VIN else 0

    def at(self, index: int) -> str:
        """A field, empty where the message has none."""
        return self.fields[index] if 0 <= index < len(self.fields) else ""


def read_message(text: str) -> Message | None:
    """None where it is no message of this protocol."""
    head = _HEAD.match(text)
    if head is None:
        return None
    fields = text[head.end() :].split(",")
    version = fields.pop(0) if _VERSION.fullmatch(fields[0]) else ""
    if not fields or not _IDENTITY.fullmatch(fields[0]):
        return None
    device = fields.pop(0)
    count = fields.pop() if len(fields) > 1 and _COUNT.fullmatch(fields[-1]) else ""
    time = fields.pop() if fields and re.fullmatch(r"\d{12,14}", fields[-1], re.ASCII) else ""
    return Message(head[1], head[2], version, device, fields, time, count)
