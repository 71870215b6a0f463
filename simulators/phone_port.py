"""A UDP port that is emptied each time it is ready, so that one busy call does not hold up the signals of all others.

(asyncio's own datagram transport takes one datagram at a turn of its loop.)
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

Address = tuple[str, int]
BUFFER = 1 << 20
"""Bytes that the system keeps for us."""


class Port:
    """On an address of this machine, at a port that the system chooses; with `peer`, to that peer only."""

    def __init__(
        self,
        host: str,
        take: Callable[[bytes, Address], None],
        peer: Address | None = None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._take, self._refused = take, refused
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.bind((host, 0))
        if peer is not None:
            self._socket.connect(peer)
        self.host, self.port = self._socket.getsockname()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._empty)

    def send(self, data: bytes, to: Address | None = None) -> None:
        """A datagram that the network may lose, as networks do."""
        try:
            if to is None:
                self._socket.send(data)
            else:
                self._socket.sendto(data, to)
        except ConnectionRefusedError:
            self._refused()
        except OSError:  # closed, or no room: lost
            return

    def close(self) -> None:
        """Give it back."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _empty(self) -> None:
        while self._socket.fileno() >= 0:
            try:
                data, sender = self._socket.recvfrom(65536)
            except ConnectionRefusedError:
                self._refused()
            except OSError:  # nothing more
                return
            else:
                self._take(data, sender)
