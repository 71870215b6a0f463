"""What stands on a terminal's screen: questions to answer, buttons to press, texts to read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zlib import crc32

from simulators.terminals.wire import EVENTS, QUESTION, TEXT, BadFrame, Message

REMEMBERED = 256
"""Messages whose repetition is recognised: a resent question is receipted, never shown twice."""

TEXTS_KEPT = 20

Kind = Literal["question", "event", "text"]


@dataclass(frozen=True, slots=True)
class Question:
    """One 0x8302: its serial names it, an answer echoes it."""

    serial: int
    text: str
    answers: tuple[tuple[int, str], ...]
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """Something new is to be read. `key` = a question's or text's serial, or an event's code."""

    kind: Kind
    key: int
    text: str
    at: datetime
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """Something has left the screen."""

    kind: Kind
    key: int
    text: str
    at: datetime


Notice = Shown | Removed


class Screen:
    """Applies platform messages in the order in which they arrive."""

    def __init__(self) -> None:
        self.questions: dict[int, Question] = {}
        self.events: dict[int, str] = {}
        """Buttons: code → label."""
        self.texts: list[str] = []
        self.seen: list[tuple[int, int, int]] = []

    def apply(self, message: Message, at: datetime) -> list[Notice]:
        """What changes. Raises BadFrame where the body is not what its table says."""
        match message.id:
            case n if n == EVENTS:
                return self._events(message.body, at)
            case n if n == QUESTION:
                question = read_question(message)
                if self._repeated(message):
                    return []
                self.questions[question.serial] = question
                return [Shown("question", question.serial, question.text, at, question.urgent)]
            case n if n == TEXT:
                return self._text(message, at)
        raise BadFrame(f"message {message.id:#06x} has no place on the screen")

    def clear(self, serial: int, at: datetime) -> Removed:
        """The question leaves the screen. Raises KeyError where it does not stand there."""
        question = self.questions.pop(serial)
        return Removed("question", serial, question.text, at)

    def _text(self, message: Message, at: datetime) -> list[Notice]:
        if not message.body:
            raise BadFrame("text without its flags")
        text = _gbk(message.body[1:])
        if self._repeated(message):
            return []
        self.texts = [*self.texts, text][-TEXTS_KEPT:]
        return [Shown("text", message.serial, text, at, bool(message.body[0] & 1))]

    def _events(self, body: bytes, at: datetime) -> list[Notice]:
        before, self.events = self.events, edited(self.events, body)
        gone = [Removed("event", c, t, at) for c, t in before.items() if self.events.get(c) != t]
        new = [Shown("event", c, t, at) for c, t in self.events.items() if before.get(c) != t]
        return [*gone, *new]

    def _repeated(self, message: Message) -> bool:
        mark = (message.id, message.serial, crc32(message.body))
        if mark in self.seen:
            return True
        self.seen = [*self.seen, mark][-REMEMBERED:]
        return False


def edited(events: dict[int, str], body: bytes) -> dict[int, str]:
    """The button list after one 0x8301 (tables 37, 38). Raises BadFrame."""
    if not body:
        raise BadFrame("event list without its type")
    kind = body[0]
    if kind == 0:
        return {}
    if len(body) < 2:
        raise BadFrame("event list without its count")
    if kind == 4:
        gone = _codes(body[2:], body[1])
        return {code: label for code, label in events.items() if code not in gone}
    items = dict(_items(body[2:], body[1], width=1))
    match kind:
        case 1:
            return items
        case 2:
            return {**events, **items}
        case 3:
            return {code: items.get(code, label) for code, label in events.items()}
    raise BadFrame(f"event list of type {kind}")


def read_question(message: Message) -> Question:
    """One 0x8302 (table 41): flags, text, answers. Raises BadFrame."""
    body = message.body
    if len(body) < 2 or len(body) < 2 + body[1]:
        raise BadFrame("question shorter than it says")
    end = 2 + body[1]
    answers = tuple(_items(body[end:], None, width=2))
    if not answers:
        raise BadFrame("question without answers")
    return Question(message.serial, _gbk(body[2:end]), answers, bool(body[0] & 1))


def _codes(rest: bytes, count: int) -> set[int]:
    """Codes to delete; the standard leaves open whether each is followed by a length of zero."""
    if len(rest) == count:
        return set(rest)
    return {code for code, _ in _items(rest, count, width=1)}


def _items(rest: bytes, count: int | None, width: int) -> list[tuple[int, str]]:
    """(id, length of `width` bytes, text) again and again, exactly to the end."""
    found: list[tuple[int, str]] = []
    while rest:
        end = 1 + width + int.from_bytes(rest[1 : 1 + width], "big")
        if len(rest) < end or len(rest) < 1 + width:
            raise BadFrame("item shorter than it says")
        found.append((rest[0], _gbk(rest[1 + width : end])))
        rest = rest[end:]
    if count is not None and len(found) != count:
        raise BadFrame(f"{len(found)} items, {count} announced")
    return found


def _gbk(raw: bytes) -> str:
    try:
        return raw.decode("gbk").rstrip("\0")
    except UnicodeDecodeError:
        raise BadFrame("text is not GBK") from None
