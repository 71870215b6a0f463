"""Orders on a 2011/2013 terminal: questions (0x8302), buttons (0x8301), texts (0x8300).

JT/T 808-2013, 8.23 text, 8.24 and 8.25 events, 8.26 and 8.27 question. Strings are GBK (4.2, table 1).
"""

from __future__ import annotations

from struct import pack

from gps_gateway.codec import (
    ARRIVE,
    DEPART,
    RESTORE,
    Action,
    Ask,
    Ref,
    SetButtons,
    Withdraw,
    button_code,
)
from gps_gateway.protocols.jt808.framing import packages

TEXT, EVENTS, QUESTION = 0x8300, 0x8301, 0x8302

ACCEPT, REFUSE = 1, 2
CHOICES: dict[int, str] = {ACCEPT: "接单", REFUSE: "退单"}
LABELS = {DEPART: "出发", ARRIVE: "到达", RESTORE: "修复"}

_QUESTION_FLAGS = 0x09
"""Urgent (bit 0), read aloud (bit 3): flags of a question."""
_TEXT_FLAGS = 0x0D
"""Urgent (bit 0), on the display (bit 2), read aloud (bit 3): flags of a text."""

_DELETE_ALL, _REPLACE = 0, 1
"""Types of an event setting."""

MAX_QUESTION = 255
"""Its length is one BYTE."""


def encode(phone: bytes, action: Action) -> tuple[Ref, list[bytes]]:
    """An action's frames, and the (message id, serial) that its 0x0001 will name."""
    message, body = _body(action)
    last, frames = packages(message, phone, action.serial, body)
    return (message, last), frames


def _body(action: Action) -> tuple[int, bytes]:
    match action:
        case Ask():
            return QUESTION, _question(f"#{action.slot} {action.text}")
        case Withdraw():
            text = f"#{action.slot} 工单 {action.order_id} 已从本机撤下"
            return TEXT, bytes((_TEXT_FLAGS,)) + gbk(text, 1022)
        case SetButtons():
            return EVENTS, _events(action.slots)


def _question(text: str) -> bytes:
    asked = gbk(text, MAX_QUESTION)
    body = bytes((_QUESTION_FLAGS, len(asked))) + asked
    for choice, label in CHOICES.items():
        raw = label.encode("gbk")
        body += pack(">BH", choice, len(raw)) + raw
    return body


def _events(slots: tuple[int, ...]) -> bytes:
    if not slots:
        return bytes((_DELETE_ALL,))
    items = [(button_code(slot, action), f"#{slot} {LABELS[action]}") for slot in slots for action in LABELS]
    body = bytes((_REPLACE, len(items)))
    for code, label in items:
        raw = label.encode("gbk")
        body += bytes((code, len(raw))) + raw
    return body


def gbk(text: str, limit: int) -> bytes:
    """At most `limit` bytes of GBK, cut between characters and marked with an ellipsis where cut."""
    raw = text.encode("gbk", "replace")
    if len(raw) <= limit:
        return raw
    ellipsis = "…".encode("gbk")
    cut = raw[: limit - len(ellipsis)].decode("gbk", "ignore").encode("gbk")
    return cut + ellipsis
