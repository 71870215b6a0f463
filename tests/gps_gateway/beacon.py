"""A small protocol for tests of the shell: `$B,device,what[,...]#` in ASCII, over TCP and UDP, without codes.

`$B,7,P,time,lat,lon#` a position · `$B,7,S,name=number#` a status · `$B,7,H#` a heartbeat. Answers repeat the packet:
`+7,P,...#` taken, `-7,...#` refused.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from contextlib import suppress
from typing import cast

from gps_gateway.codec import Checksum, Event, Fix, Frame, Heartbeat, Login, Refusal, Rejected, Report, Status
from gps_gateway.protocols import Stream
from gps_gateway.protocols.lines import KEPT, Lines


class Beacon:
    name = "beacon"

    def __init__(self, checksum: Checksum = "accept") -> None:
        self.checksum = checksum
        self.counts: Counter[str] = Counter()
        self._lines = Lines(rb"#", longest=200)
        self._known: set[str] = set()
        self._out: list[bytes] = []
        self._texts: dict[int, str] = {}

    def receive(self, data: bytes) -> list[Event]:
        return [event for packet in self._lines.feed(data) for event in self._read(packet)]

    def end(self) -> list[Event]:
        return [Rejected("incomplete", rest[:KEPT]) for rest in self._lines.end()]

    def accept(self, event: Frame, code: str = "") -> None:
        if not isinstance(event, Login):
            self._out.append(b"+" + self._texts[event.mark].encode() + b"#")

    def refuse(self, event: Frame, why: Refusal) -> None:
        self._out.append(f"-{event.device},{why}#".encode())

    def to_send(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def _read(self, packet: bytes) -> list[Event]:
        try:
            _, device, what, *rest = packet.decode("ascii").split(",")
        except ValueError:
            return [Rejected("fields", packet[:KEPT])]
        mark = hash(packet)
        self._texts[mark] = packet.decode("ascii").removeprefix("$B,")
        event = self._event(device, mark, what, rest)
        if event is None:
            return [Rejected("kind", packet[:KEPT], device)]
        if device in self._known:
            return [event]
        self._known.add(device)
        return [Login(device=device, code=None), event]

    def _event(self, device: str, mark: int, what: str, rest: list[str]) -> Event | None:
        if what == "H":
            return Heartbeat(device=device, mark=mark)
        if what == "S":
            name, _, value = rest[0].partition("=")
            return Status(device=device, mark=mark, attributes={name: float(value)})
        if what == "P":
            return Report(device=device, mark=mark, fixes=(Fix(*(float(number) for number in rest)),))
        return None


BEACON = Stream(Beacon, lambda first: first.startswith(b"$B,"), udp=True)


class Datagrams(asyncio.DatagramProtocol):
    """A device on UDP: what it hears, in order."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.put_nowait(data)

    def send(self, packet: bytes) -> None:
        self.transport.sendto(packet)

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.heard.get(), 3.0)

    async def silence(self, seconds: float = 0.2) -> None:
        try:
            raise AssertionError(f"unexpected {await asyncio.wait_for(self.heard.get(), seconds)!r}")
        except TimeoutError:
            return


async def datagrams(port: int) -> Datagrams:
    """A new device address, talking to a port of the gateway."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, remote_addr=("127.0.0.1", port)
    )
    _OPEN.append(transport)
    return protocol


async def dial(
    port: int, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A new connection to a port of the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    _OPEN.append(writer)
    return reader, writer


_OPEN: list[asyncio.DatagramTransport | asyncio.StreamWriter] = []


async def hang_up() -> None:
    """End what `datagrams` and `dial` began."""
    while _OPEN:
        one = _OPEN.pop()
        one.close()
        if isinstance(one, asyncio.StreamWriter):
            with suppress(OSError):
                await one.wait_closed()
