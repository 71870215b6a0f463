"""The way to one connected terminal: what was sent on it, and what is not receipted yet. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from msgspec.structs import replace

from dispatch.messages import Press, Shown, ShownOrder
from gps_gateway.codec import (
    Action,
    Answer,
    Ask,
    Button,
    OrderCodec,
    OrderStep,
    Pressed,
    Ref,
    SetButtons,
    Withdraw,
)
from gps_gateway.downlink import OnLine, find, named, pressed


@dataclass(slots=True)
class Outstanding:
    """A message that the terminal has not receipted."""

    action: Action
    frames: list[bytes]
    due: float
    tries: int = 0


@dataclass(slots=True, eq=False)
class Line:
    """The way to one connected terminal."""

    device: str
    codec: OrderCodec
    write: Callable[[list[bytes]], None]
    online: OnLine = field(default_factory=OnLine)
    waiting: dict[Ref, Outstanding] = field(default_factory=dict)
    shown: Shown | None = None
    kept: Shown | None = None
    """What Redis has of `shown`."""
    loaded: bool = False
    brought: bool = False
    """Whether the last bringing came to its end."""
    settled: tuple[str, int] | None = None
    """Epoch and revision of which it was last reported that the terminal shows just that."""
    closed: bool = False

    @property
    def unsaid(self) -> bool:
        """Whether it is proven, and has not been reported, that the terminal shows just what it should."""
        shown = self.shown
        if (
            shown is None
            or not self.brought
            or shown.doubtful
            or self.settled == (shown.epoch, shown.revision)
        ):
            return False
        return not any(order.state in {"sent", "removing"} for order in shown.orders)


def meaning(shown: Shown | None, event: Pressed) -> tuple[ShownOrder, str] | None:
    """The order and the action that a press means; None: no order of ours."""
    if shown is None:
        return None
    if isinstance(event, Button):
        return pressed(shown, event.code)
    if isinstance(event, OrderStep):
        order = named(shown, event.order_id, event.version)
        return None if order is None else (order, event.step)
    order = find(shown, event.asked)
    return None if order is None or event.choice == "unknown" else (order, event.choice)


def press_of(event: Pressed, order: ShownOrder, action: str, now: float) -> Press:
    """What the centre is told. Message, serial and order make its id the same when it is sent again, also on
    another connection. Its time is that of its arrival, unless the message has an earlier one of its own."""
    message, serial = event.ref
    press_id = f"{event.device}:{message:04x}:{serial}:{order.order_id}:{order.version}:{action}"
    press = Press(event.device, order.order_id, action, now, press_id, order.version)
    if isinstance(event, OrderStep):
        at = now if event.time is None else min(now, event.time)
        return replace(press, at=at, lat=event.lat, lon=event.lon)
    return replace(press, reason=event.reason) if isinstance(event, Answer) else press


def question_of(action: Ask | Withdraw) -> int:
    """The serial of the question that it is about."""
    return action.serial if isinstance(action, Ask) else action.question


def silence(line: Line, action: Action) -> None:
    """What this action makes obsolete is not sent again; a late receipt of it still counts."""
    for outstanding in line.waiting.values():
        old = outstanding.action
        taken_back = isinstance(action, Withdraw) and isinstance(old, Ask) and old.serial == action.question
        if taken_back or (isinstance(action, SetButtons) and isinstance(old, SetButtons)):
            outstanding.due = inf
