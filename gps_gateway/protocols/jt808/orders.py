"""Orders on a terminal: by questions, buttons and texts (2011/2013), or by our own user types (2019).

JT/T 808-2013, 8.23 text, 8.24 and 8.25 events, 8.26 and 8.27 question; 2019 has neither events nor questions any
more, there an order goes by 0x8900 (tlv.py) with a 0x8300 as its copy for people. Strings are GBK (4.2, table 1).
"""

from __future__ import annotations

from struct import pack

from gps_gateway.codec import (
    ARRIVE,
    DEPART,
    RESTORE,
    Action,
    Ask,
    SetButtons,
    Withdraw,
    button_code,
)
from gps_gateway.protocols.jt808 import tlv

TEXT, EVENTS, QUESTION, PASS = 0x8300, 0x8301, 0x8302, 0x8900

ACCEPT, REFUSE = 1, 2
CHOICES: dict[int, str] = {ACCEPT: "接单", REFUSE: "退单"}
LABELS = {DEPART: "出发", ARRIVE: "到达", RESTORE: "修复"}

_QUESTION_FLAGS = 0x09
"""Urgent (bit 0), read aloud (bit 3): flags of a question."""
_TEXT_FLAGS = 0x0D
"""Urgent (bit 0), on the display (bit 2), read aloud (bit 3): flags of a text in 2011 and 2013."""
_TEXT_FLAGS_2019, _NOTICE = 0x0E, 1
"""Urgent (bits 0 and 1 are 10), display, aloud; and the kind that 2019 has after its flags (8.30)."""

_DELETE_ALL, _REPLACE = 0, 1
"""Types of an event setting."""

MAX_QUESTION = 255
"""Its length is one BYTE."""
MAX_TEXT = 1021
"""So that a text with its flags is one part."""

Message = tuple[int, bytes]
"""(message id, body)."""


def messages(action: Action, *, v2019: bool) -> tuple[Message, Message | None]:
    """What tells the terminal of an action, and the copy of it for people that no receipt is waited for."""
    return _named(action) if v2019 else (_asked(action), None)


def _asked(action: Action) -> Message:
    match action:
        case Ask():
            return QUESTION, _question(f"#{action.slot} {action.text}")
        case Withdraw():
            return TEXT, bytes((_TEXT_FLAGS,)) + gbk(_withdrawn(action), MAX_TEXT)
        case SetButtons():
            return EVENTS, _events(action.slots)


def _named(action: Action) -> tuple[Message, Message | None]:
    match action:
        case Ask():
            text = f"#{action.slot} {action.text}"
            said = gbk(action.text, MAX_QUESTION)
            body = tlv.of_order(tlv.ASSIGN, action.order_id, action.version, action.slot, said)
            return (PASS, body), _copy(text)
        case Withdraw():
            body = tlv.of_order(tlv.RECALL, action.order_id, action.version, action.slot)
            return (PASS, body), _copy(_withdrawn(action))
        case SetButtons():
            return (PASS, tlv.of_workable(action.orders)), None


def _withdrawn(action: Withdraw) -> str:
    return f"#{action.slot} 工单 {action.order_id} 已从本机撤下"


def _copy(text: str) -> Message:
    return TEXT, bytes((_TEXT_FLAGS_2019, _NOTICE)) + gbk(text, MAX_TEXT)


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
