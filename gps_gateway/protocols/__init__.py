"""Every protocol that the gateway speaks, by name. To add one: a folder, a line here, golden frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dispatch.settings import Settings
from gps_gateway.codec import Checksum, Codec, Event
from gps_gateway.protocols import osmand
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.jt905 import Jt905


@dataclass(frozen=True, slots=True)
class Stream:
    """A protocol over TCP: one codec a connection, on a port of its own or on the shared one."""

    codec: Callable[[Checksum], Codec]
    begins: Callable[[bytes], bool]
    """Whether a connection on the shared port that begins with these bytes speaks this protocol."""
    port: Callable[[Settings], int] | None = None
    """None: the shared port, where the first bytes tell the protocols apart."""
    udp: bool = False
    """Also over UDP: one packet a datagram."""


@dataclass(frozen=True, slots=True)
class Web:
    """A protocol on an HTTP port of its own: (query, content type, body) → Report or Rejected."""

    parse: Callable[[str, str, bytes], Event]
    port: Callable[[Settings], int]


PROTOCOLS: dict[str, Stream | Web] = {
    "jt808": Stream(Jt808, lambda first: first[:1] == b"\x7e", lambda settings: settings.jt808_port),
    "jt905": Stream(Jt905, lambda _: False, lambda settings: settings.jt905_port),
    "osmand": Web(osmand.parse, lambda settings: settings.osmand_port),
}
