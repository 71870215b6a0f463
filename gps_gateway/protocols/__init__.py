"""Every protocol that the gateway speaks, by name. To add one: a folder, a line here, golden frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dispatch.settings import Settings
from gps_gateway.codec import Checksum, Codec, Event
from gps_gateway.protocols import osmand
from gps_gateway.protocols.gt06 import Gt06
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.teltonika import Teltonika
from gps_gateway.protocols.teltonika.framing import begins as teltonika_begins


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
    "gt06": Stream(Gt06, lambda first: first[:2] in (b"\x78\x78", b"\x79\x79"), udp=True),
    "teltonika": Stream(Teltonika, teltonika_begins, udp=True),
    "osmand": Web(osmand.parse, lambda settings: settings.osmand_port),
}
