"""The live feed for load users: the websockets library's protocol over one plain socket.

Locust replaces sockets and threads by gevent's; the library's own clients keep a second thread on the same socket,
which gevent does not survive when it is closed. Here one greenlet both reads and writes.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.typing import Origin
from websockets.uri import parse_uri


class FeedLost(Exception):
    """The feed was refused, has ended, or nothing came in time."""


class LiveFeed:
    """One screen's connection."""

    def __init__(self, url: str, origin: str, timeout: float) -> None:
        """Connect. Raises FeedLost."""
        uri = parse_uri(url)
        self._protocol = ClientProtocol(uri, origin=Origin(origin), max_size=2**26)
        self._frames: deque[Frame] = deque()
        try:
            self._socket = socket.create_connection((uri.host, uri.port), timeout)
            self._protocol.send_request(self._protocol.connect())
            self._flush()
            while self._protocol.handshake_exc is None and not self._open:
                self._receive()
        except (OSError, WebSocketException) as error:
            raise FeedLost(str(error) or type(error).__name__) from error
        if self._protocol.handshake_exc is not None:
            raise FeedLost(str(self._protocol.handshake_exc))

    def message(self) -> tuple[str, bytes]:
        """The next whole message: `text` or `binary`, and its bytes. Raises FeedLost."""
        parts: list[bytes] = []
        kind = ""
        while True:
            frame = self._next()
            if frame.opcode is not Opcode.CONT:
                kind = "text" if frame.opcode is Opcode.TEXT else "binary"
            parts.append(bytes(frame.data))
            if frame.fin:
                return kind, b"".join(parts)

    def close(self) -> None:
        """Say goodbye and close."""
        with suppress(OSError, WebSocketException):
            self._protocol.send_close(1000)
            self._flush()
        self._socket.close()

    @property
    def _open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    def _next(self) -> Frame:
        try:
            while not self._frames:
                self._receive()
        except (OSError, WebSocketException) as error:
            raise FeedLost(str(error) or type(error).__name__) from error
        return self._frames.popleft()

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise FeedLost("closed by the program")
        self._protocol.receive_data(data)
        self._flush()  # pings are answered
        if self._protocol.close_rcvd is not None:
            raise FeedLost(f"closed: {self._protocol.close_rcvd.code} {self._protocol.close_rcvd.reason}")
        self._frames += [
            event
            for event in self._protocol.events_received()
            if isinstance(event, Frame) and event.opcode in DATA_OPCODES
        ]

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
