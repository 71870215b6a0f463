"""Every protocol that the gateway speaks, by name. To add one: a folder, a line here, golden frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dispatch.settings import Settings
from gps_gateway.codec import Event, OrderCodec
from gps_gateway.protocols import osmand
from gps_gateway.protocols.jt808 import Jt808


@dataclass(frozen=True, slots=True)
class Stream:
    """A protocol on a TCP port of its own: one codec a connection."""

    codec: Callable[[], OrderCodec]
    port: Callable[[Settings], int]


@dataclass(frozen=True, slots=True)
class Web:
    """A protocol on an HTTP port of its own: (query, content type, body) → Report or Rejected."""

    parse: Callable[[str, str, bytes], Event]
    port: Callable[[Settings], int]


PROTOCOLS: dict[str, Stream | Web] = {
    "jt808": Stream(Jt808, lambda settings: settings.jt808_port),
    "osmand": Web(osmand.parse, lambda settings: settings.osmand_port),
}
