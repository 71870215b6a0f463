"""The shapes that cross Redis: the only vocabulary shared by the gateway and the centre.

Encoded as MessagePack by msgspec. All times are seconds since 1970-01-01 UTC on the installation's
clock, as floats; coordinates are WGS-84 degrees; speeds metres a second; courses degrees from north.

Keys, with `NN` = `shard(device)` (the braces let Redis Cluster keep a shard together):

| key | type | written by | content |
|---|---|---|---|
| `positions:{sNN}` | stream, field `b` | gateway | `list[Position]`, up to 64 an entry |
| `device-events:{sNN}` | stream, field `b` | gateway | `list[DeviceEvent]` |
| `desired:{sNN}:<device>` | string | centre | `Desired`; present for every registered device |
| `shown:{sNN}:<device>` | string | gateway | `Shown`: what was sent to the terminal, and under which serial |
| `epoch` | string | centre | the epoch of the centre's desired states; absent = not confirmed |
| `wake` | pub/sub channel | centre | a device's id: its desired state has changed |
| `gateway:<name>` | string with expiry | gateway | `GatewayState`, renewed every few seconds |
"""

from __future__ import annotations

from zlib import crc32

import msgspec

SHARDS = 64
"""Fixed for the life of an installation: it stands in stream and key names."""

EPOCH_KEY = "epoch"
WAKE_CHANNEL = "wake"


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
    """A device came (`online`) or went (`offline`)."""

    device: str
    state: str
    at: float
    protocol: str = ""


DeviceEvent = Receipt | Press | Link


class DesiredOrder(msgspec.Struct, frozen=True):
    """One order that should be on a device."""

    order_id: str
    version: int
    """The dispatch generation: a re-dispatched order is a new version."""
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


class GatewayState(msgspec.Struct, frozen=True):
    """A gateway's heartbeat, for /healthz and the operators."""

    name: str
    at: float
    connections: int
    frames: int
    rejected: int
    withheld: int
    """Frames not acknowledged because they could not be stored."""


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


encode = msgspec.msgpack.Encoder().encode
decode_positions = msgspec.msgpack.Decoder(list[Position]).decode
decode_events = msgspec.msgpack.Decoder(list[DeviceEvent]).decode
decode_desired = msgspec.msgpack.Decoder(Desired).decode
decode_shown = msgspec.msgpack.Decoder(Shown).decode
decode_gateway_state = msgspec.msgpack.Decoder(GatewayState).decode
