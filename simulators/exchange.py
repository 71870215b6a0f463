"""A telephone exchange without telephones: what happens to each call, and when. Pure.

`now` is handed in, so that the demo's service and a replay in virtual time share it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from dispatch.core.errors import Conflict, NotFound
from simulators.behaviour import PhoneHabit
from simulators.people import People

CallState = Literal[
    "dialling",
    "ringing",
    "answered",
    "keypress",
    "machine",
    "completed",
    "busy",
    "no_answer",
    "failed",
    "cut",
]
FINAL: frozenset[CallState] = frozenset({"completed", "busy", "no_answer", "failed", "cut"})
"""A call in one of these has ended. `keypress` and `machine` are followed by `completed`."""

SET_UP = 1.0
"""Seconds until the other side rings."""
LISTENS = 30.0
"""Seconds that somebody who presses no key listens."""
RECORDS = 15.0
"""Seconds that a voicemail records."""

NUMBER = re.compile(r"\+?[0-9]{3,15}")


class CallRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the centre asks for."""

    call_id: str
    number: str
    prompt: str
    callback_url: str = ""
    language: Literal["zh-CN", "en"] = "zh-CN"
    ring_seconds: float = 30.0


class CallEvent(msgspec.Struct, frozen=True):
    """One state that a call reached; `seq` counts from 1 in each call."""

    call_id: str
    number: str
    seq: int
    state: CallState
    digit: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Habit:
    """What happens when a number rings; seconds after ringing, and after answering."""

    behaviour: PhoneHabit
    answer_after: float
    key_after: float


@dataclass(frozen=True, slots=True)
class Step:
    """`after` seconds from dialling."""

    after: float
    state: CallState
    digit: str | None = None


def script(number: str, habit: Habit, ring_seconds: float) -> list[Step]:
    """Everything that will happen to a call if nobody hangs up. A rejected call ends as busy, as networks say it."""
    if not NUMBER.fullmatch(number):
        return [Step(SET_UP, "failed")]
    if habit.behaviour == "busy":
        return [Step(SET_UP, "busy")]
    ringing = Step(SET_UP, "ringing")
    if habit.behaviour == "no_answer" or habit.answer_after >= ring_seconds:
        return [ringing, Step(SET_UP + ring_seconds, "no_answer")]
    answered = SET_UP + habit.answer_after
    if habit.behaviour == "reject":
        return [ringing, Step(answered, "busy")]
    return [ringing, Step(answered, "answered"), *_conversation(habit, answered)]


def _conversation(habit: Habit, answered: float) -> list[Step]:
    match habit.behaviour:
        case "voicemail":
            return [Step(answered + 2, "machine"), Step(answered + 2 + RECORDS, "completed")]
        case "answer_key_1" | "answer_key_9":
            pressed = answered + habit.key_after
            return [Step(pressed, "keypress", habit.behaviour[-1]), Step(pressed + 2, "completed")]
    return [Step(answered + LISTENS, "completed")]


@dataclass(slots=True)
class Call:
    """One call: what was asked, what happened, what is still to come."""

    request: CallRequest
    dialled_at: datetime
    to_come: list[Step]
    events: list[CallEvent] = field(default_factory=list)
    takes_line: bool = True
    """False for a call that finds the line taken."""

    @property
    def state(self) -> CallState:
        return self.events[-1].state if self.events else "dialling"

    @property
    def live(self) -> bool:
        return self.state not in FINAL

    def due_at(self, step: Step) -> datetime:
        """The instant of a step."""
        return self.dialled_at + timedelta(seconds=step.after)

    def ends_at(self) -> datetime:
        """When it ends if nobody hangs up."""
        return self.due_at(self.to_come[-1]) if self.to_come else self.dialled_at

    def reach(self, state: CallState, digit: str | None, at: datetime) -> CallEvent:
        """Note the next state."""
        request = self.request
        event = CallEvent(request.call_id, request.number, len(self.events) + 1, state, digit, at)
        self.events.append(event)
        return event


class Exchange:
    """Every call and every number's habit. The caller asks for `due` events and acts on them."""

    def __init__(self, people: People) -> None:
        self.calls: dict[str, Call] = {}
        self.habits: dict[str, Habit] = {}
        self._people = people
        self._live: dict[str, Call] = {}

    def dial(self, request: CallRequest, now: datetime) -> tuple[Call, bool]:
        """The call, and whether it is new: the same id again rings nobody.

        Raises Conflict where the id belongs to a call to another number.
        """
        if (known := self.calls.get(request.call_id)) is not None:
            if known.request.number != request.number:
                raise Conflict(f"call {request.call_id} was made to {known.request.number}")
            return known, False
        call = Call(request, now, [])
        call.takes_line = not self._line_taken(request.number, now)
        habit = self.habit(request.number, request.call_id)
        steps = script(request.number, habit, request.ring_seconds)
        call.to_come = steps if call.takes_line else [Step(SET_UP, "busy")]
        self.calls[request.call_id] = self._live[request.call_id] = call
        return call, True

    def hang_up(self, call_id: str, now: datetime) -> list[CallEvent]:
        """What was still due, then `cut` where the call was live. Raises NotFound."""
        call = self.call(call_id)
        events = self._advance(call, now)
        return [*events, self._end(call, "cut", now)] if call.live else events

    def fail(self, call_id: str, now: datetime) -> CallEvent:
        """End a live call that the exchange itself lost."""
        return self._end(self.call(call_id), "failed", now)

    def call(self, call_id: str) -> Call:
        """Raises NotFound."""
        if call_id not in self.calls:
            raise NotFound(f"no call {call_id}")
        return self.calls[call_id]

    def due(self, now: datetime) -> list[CallEvent]:
        """Everything that has happened up to `now`, in the order of its time."""
        events = [event for call in list(self._live.values()) for event in self._advance(call, now)]
        return sorted(events, key=lambda event: event.at)

    def next_due(self) -> datetime | None:
        """When the next thing happens; None: no call is live."""
        return min((c.due_at(c.to_come[0]) for c in self._live.values() if c.to_come), default=None)

    def habit(self, number: str, call_id: str) -> Habit:
        """The number's own habit, else one drawn from the seed."""
        people = self._people
        return self.habits.get(number) or Habit(
            people.phone(number), people.delay("phone_answer", call_id), people.delay("phone_key", call_id)
        )

    def restore(self, call: Call) -> None:
        """Take over a call of an earlier run."""
        self.calls[call.request.call_id] = call
        if call.live:
            self._live[call.request.call_id] = call

    def _line_taken(self, number: str, now: datetime) -> bool:
        return any(
            c.request.number == number and c.takes_line and c.ends_at() > now for c in self._live.values()
        )

    def _advance(self, call: Call, now: datetime) -> list[CallEvent]:
        events: list[CallEvent] = []
        while call.to_come and call.due_at(call.to_come[0]) <= now:
            step = call.to_come.pop(0)
            events.append(call.reach(step.state, step.digit, call.due_at(step)))
        if not call.live:
            self._live.pop(call.request.call_id, None)
        return events

    def _end(self, call: Call, state: CallState, now: datetime) -> CallEvent:
        call.to_come.clear()
        self._live.pop(call.request.call_id, None)
        return call.reach(state, None, now)
