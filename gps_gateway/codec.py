"""What every protocol looks like from outside: bytes in, values out, and bytes to send.

A codec does no I/O and knows no time. `receive` takes whatever arrived, split anywhere, and returns
values, never exceptions. Nothing is answered by itself: the shell calls `accept` once a value is durable,
or `refuse`, and sends what `to_send` then holds. What it does neither for is withheld, and the device
sends it again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import msgspec

Ref = tuple[int, int]
"""(message id, serial): what an answer echoes, in either direction."""

Attributes = dict[str, str | int | float | bool]
"""What a device says beyond its position, by names that say the unit. The usual ones, the same in every protocol:

`satellites`, `hdop`, `gsm_signal` (as the device scales it), `mcc`, `mnc`, `lac`, `cell_id`, `battery_pct`, `battery_v`,
`power_v`, `charging`, `ignition`, `moving`, `alarm` (text: sos, vibration, low_battery, power_cut, overspeed,
geofence_enter, geofence_exit, tow, accident, door, ...), `odometer_m`, `trip_m`, `engine_hours_s`, `rpm`, `fuel_pct`, `fuel_l`,
`temperature_c` (several: `temperature_1_c` ...), `humidity_pct`, `input`, `output` (bits; single ones `input_1` ...),
`adc_1` ... (volts where the protocol says so), `driver_id`, `event`, `status`, `door`, `armed`, `blocked`, `vin`, `iccid`,
`imsi`, `firmware`, `accuracy_m`, `result` (an answer to a command).
"""

Checksum = Literal["accept", "strict"]
"""Whether a packet with a wrong checksum is taken and counted (`counts["checksum"]`), or rejected."""


class Fix(msgspec.Struct, frozen=True, gc=False):
    """One position as the device gave it: WGS-84 degrees, metres a second, seconds since 1970 UTC."""

    time: float | None
    """None: the device gave no time that can be read."""
    lat: float
    lon: float
    valid: bool = True
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    attributes: Attributes = {}
    device_time: float | None = None
    """When the device made the message of it, where its protocol says so apart from `time`, and in which zone."""


class Frame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every value of a device carries. None refers to another: the collector of cycles need not look at them."""

    device: str
    ref: Ref = (0, 0)
    mark: int = 0
    """The same for the same bytes: a frame sent again is recognised by it."""


class Register(Frame, frozen=True):
    """A terminal asks for its authentication code."""

    facts: Attributes = {}


class Login(Frame, frozen=True):
    """A device says who it is, with its authentication code; None: its protocol has no codes.

    A protocol that names the device in every packet gives a Login before the first packet of each device.
    """

    code: str | None


class Heartbeat(Frame, frozen=True):
    """Still there."""


class Status(Frame, frozen=True):
    """What a device says of itself without a position; `time` as in Fix. Answered like a Report."""

    attributes: Attributes
    time: float | None = None


class Logout(Frame, frozen=True):
    """A terminal gives its registration back."""


class Report(Frame, frozen=True):
    """One or several positions under one answer, oldest first as the device sent them."""

    fixes: tuple[Fix, ...]


class Receipt(Frame, frozen=True):
    """The device's answer to a message of ours: `ok`, or `unsupported`, or neither."""

    answers: Ref
    ok: bool
    unsupported: bool = False


Step = Literal["acknowledge", "reject", "depart", "arrive", "restore"]
"""What a crew can do with an order from its terminal."""


class Answer(Frame, frozen=True):
    """A person answered a question: `asked` is the serial of the message that carried it."""

    asked: int
    choice: Step | Literal["unknown"]
    reason: str = ""
    """Why it was rejected, in the protocol's word, where the terminal asks for it."""


class Button(Frame, frozen=True):
    """A person pressed one of the buttons that we put there."""

    code: int


class OrderStep(Frame, frozen=True):
    """A person took a step with an order that the terminal names itself; `time` and place as in Fix."""

    order_id: str
    version: int
    step: Step
    time: float | None = None
    lat: float | None = None
    lon: float | None = None


class Part(Frame, frozen=True):
    """A part of a message that is not whole yet. Accepting it asks for what is `missing`, and says nothing else."""

    first: int
    """Serial of the message's first part."""
    missing: tuple[int, ...] = ()
    """Numbers of the parts to be asked for now."""


class PartsAsked(Frame, frozen=True):
    """The device lacks parts of a message of ours. Accepting it sends them again."""

    first: int
    """Serial of the message's first part."""
    numbers: tuple[int, ...]


class Unsupported(Frame, frozen=True):
    """Well-formed, and of no meaning here."""

    what: str


class Rejected(msgspec.Struct, frozen=True):
    """Bytes that are no message of this protocol; the session goes on."""

    reason: str
    """A few words from a fixed set, so that it can be counted."""
    raw: bytes
    """The first bytes, kept for inspection."""
    device: str = ""


Event = (
    Register
    | Login
    | Heartbeat
    | Status
    | Logout
    | Report
    | Receipt
    | Answer
    | Button
    | OrderStep
    | Part
    | PartsAsked
    | Unsupported
    | Rejected
)

Pressed = Answer | Button | OrderStep
"""What a person did with an order."""

Refusal = Literal[
    "unknown device", "wrong protocol", "bad code", "not authenticated", "no such order", "unsupported"
]


@dataclass(frozen=True, slots=True)
class Ask:
    """Put an order in front of the crew: a question to accept or refuse, known by its serial."""

    serial: int
    slot: int
    order_id: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Tell the crew that an order is no longer on this terminal."""

    serial: int
    question: int
    """The serial of the Ask that it takes back."""
    slot: int
    order_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Workable:
    """An order that the crew has taken; `question` is the serial of its Ask."""

    question: int
    order_id: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class SetButtons:
    """Depart, arrive and restore of these orders, and of no others.

    A terminal that knows an order by its slot only has buttons for `slots`; another one is told the `orders`.
    """

    serial: int
    slots: tuple[int, ...]
    orders: tuple[Workable, ...] = ()
    """In the order of `slots`."""


Action = Ask | Withdraw | SetButtons

DEPART, ARRIVE, RESTORE = 1, 2, 3
BUTTONS = {DEPART: "depart", ARRIVE: "arrive", RESTORE: "restore"}


def button_code(slot: int, action: int) -> int:
    """One byte that names a slot (1 to 15) and what is done with its order."""
    return slot * 16 + action


class Codec(Protocol):
    """One connection's protocol state. Buffers are bounded whatever arrives."""

    name: str

    @property
    def counts(self) -> Counter[str]:
        """Defects that were accepted all the same, by name."""
        ...

    def receive(self, data: bytes) -> list[Event]:
        """What these bytes complete; any split of a stream gives the same events."""
        ...

    def end(self) -> list[Event]:
        """The stream, or the datagram, has ended: what its last bytes still mean. Incomplete ones are Rejected."""
        ...

    def accept(self, event: Frame, code: str = "") -> None:
        """Queue the protocol's positive answer; `code` is the authentication code of a Register."""
        ...

    def refuse(self, event: Frame, why: Refusal) -> None:
        """Queue the protocol's negative answer."""
        ...

    def to_send(self) -> list[bytes]:
        """Take everything that was queued."""
        ...


@runtime_checkable
class OrderCodec(Codec, Protocol):
    """A protocol whose terminals can show orders."""

    def order(self, device: str, action: Action) -> tuple[Ref, list[bytes]]:
        """The frames of an action, and what a Receipt for it will name. No frames: there is nothing to send
        and nothing to wait for."""
        ...
