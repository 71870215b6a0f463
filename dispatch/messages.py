"""The shapes that cross Redis: the only vocabulary shared by the gateway and the centre.

Encoded as MessagePack by msgspec. All times are seconds since 1970-01-01 UTC on the installation's
clock, as floats; coordinates are WGS-84 degrees; speeds metres a second; courses degrees from north.

Keys, with `NN` = `shard(device)` (the braces let Redis Cluster keep a shard together):

| key | type | written by | content |
|---|---|---|---|
| `positions:{sNN}` | stream, field `b` | gateway | `list[Position]`, up to 64 an entry; NN is the gateway's, not the devices' |
| `device-events:{sNN}` | stream, field `b` | gateway | `list[DeviceEvent]` |
| `desired:{sNN}:<device>` | string | centre | `Desired`; present for every registered device |
| `shown:{sNN}:<device>` | string | gateway | `Shown`: what was sent to the terminal, and under which serial |
| `epoch` | string | centre | the epoch of the centre's desired states; absent = not confirmed |
| `wake` | pub/sub channel | centre | a device's id: its desired state has changed |
| `gateway:<name>` | string with expiry | gateway | `GatewayState`, renewed every few seconds |
| `devices:{sNN}` | hash, field device | gateway | `DeviceState`: how each device that was ever here is, for people |
| `doubled:{sNN}` | hash, field device | gateway | `Doubled`: the device was on two connections |
| `misnamed:{sNN}` | hash, field device | gateway | `Misnamed`: somebody used the device's id in a protocol that is not its |
| `frames:{sNN}:<device>` | list with expiry | gateway | `SeenFrame`, oldest first: what was rejected, and all while somebody looks |
| `strangers:<name>` | string with expiry | gateway | `list[Stranger]`: who spoke and is not (yet) known |
| `look` | pub/sub channel | centre | a device's id: somebody looks at its frames now |
| `here` | pub/sub channel | gateway | `Here`: a device has authenticated; an older connection elsewhere gives way |
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any, TypeVar
from zlib import crc32

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

SHARDS = 64
"""Fixed for the life of an installation: it stands in stream and key names."""

CODE_LENGTH = 20
"""Characters of an authentication code: 80 bits; terminals keep short ones only."""

EPOCH_KEY = "epoch"
WAKE_CHANNEL = "wake"
LOOK_CHANNEL = "look"
HERE_CHANNEL = "here"


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fix as the device gave it."""

    device: str
    fix_time: float
    received_time: float
    lat: float
    lon: float
    valid: bool = True
    speed_mps: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    protocol: str = ""
    attributes: dict[str, str | int | float | bool] = {}
    device_time: float | None = None
    """When the device made the message, by its own clock, where its protocol says so apart from the fix time."""


class Receipt(msgspec.Struct, frozen=True, tag="receipt"):
    """Machine proof: the terminal has (`delivered`) or no longer offers (`removed`) an order.

    `settled` (with an empty order_id) says that the device has confirmed all of desired revision `version`.
    `unreceipted` and `recall_unreceipted` prove the opposite: an order, or its recall, was sent as often as it
    is sent on one connection, and the terminal has not confirmed it. Either may still be followed by its proof.
    """

    device: str
    order_id: str
    version: int
    what: str
    at: float


class Press(msgspec.Struct, frozen=True, tag="press"):
    """A crew's button: `acknowledge`, `reject`, `depart`, `arrive` or `restore`, of exactly one order."""

    device: str
    order_id: str
    action: str
    at: float
    press_id: str
    """The same press resent carries the same id."""
    version: int = 0
    """Version of the order that the button belonged to; 0 = unknown."""
    reason: str = ""
    """Why an order is rejected, where the terminal asks for it."""
    lat: float | None = None
    lon: float | None = None
    """Where it was pressed, where the terminal says so."""


class Link(msgspec.Struct, frozen=True, tag="link"):
    """A device came (`online`) or went: its line is gone (`offline`), or it logged out (`off`)."""

    device: str
    state: str
    at: float
    protocol: str = ""


class Status(msgspec.Struct, frozen=True, tag="status"):
    """What a device said of itself without a position; attributes as those of a Position."""

    device: str
    at: float
    """As the device says; where it says nothing, `received_time`."""
    received_time: float
    protocol: str
    attributes: dict[str, str | int | float | bool]


DeviceEvent = Receipt | Press | Link | Status


class DesiredOrder(msgspec.Struct, frozen=True):
    """One order that should be on a device."""

    order_id: str
    version: int
    """A re-dispatched order is a new version, and so is one whose text was changed while it is aboard."""
    slot: int
    """1-based place in the vehicle's sequence, as printed on its buttons."""
    text: str
    """What a person reads: number, place, fault, remaining minutes."""
    acknowledged: bool = False


class Desired(msgspec.Struct, frozen=True):
    """The whole of what should be on one device; what is not listed can never be sent."""

    device: str
    epoch: str
    revision: int
    orders: tuple[DesiredOrder, ...] = ()
    protocol: str = ""
    """The one that this device is registered with: by another nobody speaks for it. Empty: any."""


class ShownOrder(msgspec.Struct, frozen=True):
    """One order as it stands on a terminal."""

    order_id: str
    version: int
    slot: int
    serial: int
    """Of the platform message that carried it: an answer echoes it."""
    state: str
    """`sent`, `delivered`, `removing`, or `removed`: kept for a while, because a press may come late."""
    progress: str = ""
    """What became of it there: `accepted`, `departed`, `arrived`, `restored`, `refused`; `expired`: it was not
    receipted as often as it was sent. Empty: nothing yet."""


class Shown(msgspec.Struct, frozen=True):
    """What the gateway has put on one terminal; kept so that no restart forgets a serial."""

    device: str
    revision: int
    serial: int
    """The last platform serial used towards this device."""
    orders: tuple[ShownOrder, ...] = ()
    epoch: str = ""
    """That of `revision`: revisions of different epochs cannot be compared."""
    doubtful: bool = False
    """When this began, something may have been on the terminal that nothing is known of any more, and its buttons have
    not been set since: none of them means an order, and it is not said to show only what it should."""


class GatewayState(msgspec.Struct, frozen=True):
    """A gateway's heartbeat, for /healthz and the operators."""

    name: str
    at: float
    connections: int
    frames: int
    rejected: int
    withheld: int
    """Frames not acknowledged because they could not be stored."""
    ports: dict[str, int] = {}
    """Where it listens, by protocol; `trackers` is the shared one."""


class SeenFrame(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bytes of one arrival, or of one answer, and what they mean."""

    at: float
    raw: bytes
    """The first of them."""
    sent: bool = False
    """By us to the device."""
    meant: tuple[str, ...] = ()
    """Of bytes from the device: each value as JSON, with its `type`."""


class DeviceState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a device is. Counts are those of its connection, which began at `since`."""

    device: str
    online: bool
    protocol: str
    address: str
    gateway: str
    since: float
    last_seen: float
    fix_time: float | None = None
    frames: int = 0
    resent: int = 0
    receipts: int = 0
    rejected: dict[str, int] = {}
    """By reason."""
    defects: dict[str, int] = {}
    """Accepted all the same, by name."""
    status: dict[str, str | int | float | bool] = {}
    """What it last said of itself without a position."""
    status_at: float | None = None
    until: float | None = None
    """Of a device without a connection: when it counts as gone, unless it is heard again."""
    logged_out: bool = False
    """It is gone, and has said so."""


class Doubled(msgspec.Struct, frozen=True):
    """One device id on two connections: the newest that authenticates is the device."""

    device: str
    at: float
    older: str
    """The address that gave way."""
    newer: str
    times: int


class Misnamed(msgspec.Struct, frozen=True):
    """A device's id in a protocol that is not the one it is registered with: refused."""

    device: str
    at: float
    protocol: str
    """That was spoken."""
    address: str
    times: int


class Stranger(msgspec.Struct, frozen=True):
    """Somebody who spoke and is not known, by the id that is claimed, or by the address."""

    name: str
    address: str
    protocol: str
    at: float
    why: str
    """`unknown device`, `quarantined`, `bad code`, `not authenticated`, `rejected`, or `unknown protocol`."""
    times: int
    frames: tuple[SeenFrame, ...] = ()


class Here(msgspec.Struct, frozen=True):
    """A device has authenticated at this gateway."""

    gateway: str
    device: str
    at: float
    address: str


def code_for(secret: str, device: str) -> str:
    """The authentication code of one device: the gateway asks for it, administrators may enter it by hand."""
    return hmac.new(secret.encode(), device.encode(), sha256).hexdigest()[:CODE_LENGTH]


def shard(device: str) -> str:
    """The hash tag of a device: `{s00}` to `{s63}`."""
    return f"{{s{crc32(device.encode()) % SHARDS:02d}}}"


def all_shards() -> list[str]:
    """Every hash tag, in order."""
    return [f"{{s{n:02d}}}" for n in range(SHARDS)]


def positions_stream(tag: str) -> str:
    """Stream of `list[Position]` of one shard."""
    return f"positions:{tag}"


def events_stream(tag: str) -> str:
    """Stream of `list[DeviceEvent]` of one shard."""
    return f"device-events:{tag}"


def desired_key(device: str) -> str:
    """Key of a device's `Desired`."""
    return f"desired:{shard(device)}:{device}"


def shown_key(device: str) -> str:
    """Key of a device's `Shown`."""
    return f"shown:{shard(device)}:{device}"


def devices_key(tag: str) -> str:
    """Key of the `DeviceState`s of one shard."""
    return f"devices:{tag}"


def doubled_key(tag: str) -> str:
    """Key of the `Doubled`s of one shard."""
    return f"doubled:{tag}"


def misnamed_key(tag: str) -> str:
    """Key of the `Misnamed`s of one shard."""
    return f"misnamed:{tag}"


def frames_key(device: str) -> str:
    """Key of a device's `SeenFrame`s."""
    return f"frames:{shard(device)}:{device}"


def storable(said: S) -> S:
    """The same in what MessagePack can hold: a device may say an integer of more than 64 bits, or bytes that are no
    characters. Either becomes text that can be read."""
    facts = {name: getattr(said, name) for name in said.__struct_fields__}
    return type(said)(**{name: _held(fact) for name, fact in facts.items()})


def _held(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {_held(name): _held(value) for name, value in fact.items()}
    if isinstance(fact, int) and not -(2**63) <= fact < 2**64:
        return f"{fact:#x}"
    return fact.encode("utf-8", "backslashreplace").decode() if isinstance(fact, str) else fact


encode = msgspec.msgpack.Encoder().encode
decode_positions = msgspec.msgpack.Decoder(list[Position]).decode
decode_events = msgspec.msgpack.Decoder(list[DeviceEvent]).decode
decode_desired = msgspec.msgpack.Decoder(Desired).decode
decode_shown = msgspec.msgpack.Decoder(Shown).decode
decode_gateway_state = msgspec.msgpack.Decoder(GatewayState).decode
decode_device_state = msgspec.msgpack.Decoder(DeviceState).decode
decode_doubled = msgspec.msgpack.Decoder(Doubled).decode
decode_misnamed = msgspec.msgpack.Decoder(Misnamed).decode
decode_seen_frame = msgspec.msgpack.Decoder(SeenFrame).decode
decode_strangers = msgspec.msgpack.Decoder(list[Stranger]).decode
decode_here = msgspec.msgpack.Decoder(Here).decode
