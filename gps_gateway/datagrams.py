"""Devices over UDP: one packet a datagram, one conversation an address, answers to where it came from."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any, cast

from dispatch.clock import SystemClock
from gps_gateway.connection import Recognise
from gps_gateway.conversation import Conversation
from gps_gateway.door import BURST, Bucket
from gps_gateway.house import House, unrecognised

log = logging.getLogger(__name__)

PEERS = 20_000
"""Addresses with a codec of their own; of more, the one that was silent longest is forgotten."""

Address = tuple[Any, ...]


class Datagrams(asyncio.DatagramProtocol):
    """One UDP port. What cannot be taken now is dropped unanswered, and the device sends it again."""

    def __init__(self, house: House, protocol: str, recognise: Recognise, *, peers: int = PEERS) -> None:
        self.house = house
        self.transport: asyncio.DatagramTransport | None = None
        self._protocol = protocol
        self._recognise = recognise
        self._bound = peers
        self._peers: OrderedDict[Address, _Peer] = OrderedDict()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)  # a class of its own before Python 3.12

    def connection_lost(self, exc: Exception | None) -> None:
        for peer in list(self._peers.values()):
            peer.close()
        self.transport = None

    def error_received(self, exc: Exception) -> None:
        """An answer did not arrive: that device is gone, and the port goes on."""
        log.debug("datagram not delivered: %s", exc)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        now = SystemClock.monotonic()
        peer = self._peers.get(addr)
        if peer is None:
            known = self._recognise(data)
            if known is None:
                unrecognised(self.house, self._protocol, str(addr[0]), data)
                return
            peer = self._new(known, addr, now)
        if peer is None:
            return
        self._peers.move_to_end(addr)
        peer.hear(data, now)

    def _new(self, protocol: str, addr: Address, now: float) -> _Peer | None:
        house = self.house
        refusal = house.door.enter(str(addr[0]), now)
        if not refusal and len(self._peers) >= self._bound:
            next(iter(self._peers.values())).close()
        if refusal:
            house.counted(protocol).limited[refusal] += 1
            return None
        peer = self._peers[addr] = _Peer(self, protocol, addr, now)
        house.addresses.add(peer)
        return peer

    def forget(self, peer: _Peer, addr: Address) -> None:
        """It was silent for long, or has been replaced."""
        if self._peers.get(addr) is peer:
            del self._peers[addr]
            self.house.addresses.discard(peer)
            self.house.door.leave(peer.address)


class _Peer:
    """One address. It has no socket that could be left unread: what is too much is dropped."""

    __slots__ = ("_addr", "_bucket", "_port", "address", "last_heard", "open", "talk")

    def __init__(self, port: Datagrams, protocol: str, addr: Address, now: float) -> None:
        self._port = port
        self._addr = addr
        self.address = str(addr[0])
        self.open = True
        self.last_heard = now
        self.talk = Conversation(port.house, protocol, self)
        rate = port.house.frames_per_second
        self._bucket = Bucket(rate, rate * BURST, now) if rate else None

    def hear(self, data: bytes, now: float) -> None:
        self.last_heard = now
        counts = self._port.house.counted(self.talk.protocol)
        if self._bucket is not None and not self._bucket.try_one(now):
            counts.limited["too fast"] += 1
            return
        if self.talk.crowded:
            counts.withheld += 1
            return
        self.talk.hear(data, self._port.house.clock.timestamp())
        self.talk.hear_end()

    def write(self, frames: list[bytes]) -> None:
        if self.open and self._port.transport is not None:
            for frame in frames:
                self._port.transport.sendto(frame, self._addr)

    def steer(self) -> None:
        """Nothing can be held back here."""

    def close(self, *, abort: bool = False) -> None:
        if self.open:
            self.open = False
            self._port.forget(self, self._addr)
            self.talk.leave()
