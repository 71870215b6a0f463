"""Every protocol that the gateway speaks, by name. To add one: a folder, a line here, golden frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dispatch.settings import Settings
from gps_gateway.codec import Checksum, Codec, Event
from gps_gateway.protocols import gl200, gps103, h02, meitrack, nmea, osmand, owntracks, tk103
from gps_gateway.protocols.gt06 import Gt06
from gps_gateway.protocols.jt808 import Jt808
from gps_gateway.protocols.jt905 import Jt905
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
    """A protocol on an HTTP port of its own.

    `parse` makes of a query, the headers by their names in small letters, and a body what the request means.
    """

    parse: Callable[[str, Mapping[str, str], bytes], Event]
    port: Callable[[Settings], int]
    thanks: str = ""
    """The body of the answer 200."""


PROTOCOLS: dict[str, Stream | Web] = {
    "jt808": Stream(Jt808, lambda first: first[:1] == b"\x7e", lambda settings: settings.jt808_port),
    "jt905": Stream(Jt905, lambda _: False, lambda settings: settings.jt905_port),
    "h02": Stream(h02.H02, h02.begins, udp=True),
    "gps103": Stream(gps103.Gps103, gps103.begins, udp=True),
    "tk103": Stream(tk103.Tk103, tk103.begins, udp=True),
    "gl200": Stream(gl200.Gl200, gl200.begins, udp=True),
    "meitrack": Stream(meitrack.Meitrack, meitrack.begins, udp=True),
    "nmea": Stream(nmea.Nmea, nmea.begins, udp=True),
    "gt06": Stream(Gt06, lambda first: first[:2] in (b"\x78\x78", b"\x79\x79"), udp=True),
    "teltonika": Stream(Teltonika, teltonika_begins, udp=True),
    "osmand": Web(osmand.parse, lambda settings: settings.osmand_port),
    "owntracks": Web(owntracks.parse, lambda settings: settings.owntracks_port, thanks="[]"),
}


def belongs(spoken: str, registered: str) -> bool:
    """Whether what is `spoken` may speak for a device that is `registered` with a protocol; empty: with none.

    The apps of phones are one family: whoever carries the phone changes the app without asking an administrator.
    """
    if registered in ("", spoken):
        return True
    return all(isinstance(PROTOCOLS.get(name), Web) for name in (spoken, registered))
