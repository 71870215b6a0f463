"""The live feed for load users: the websockets library's protocol over one plain socket.

Like a browser, the feed is read all the time: pings are answered whatever its user does meanwhile. Locust makes the
reading thread one of gevent's; it ends before its socket is closed, because gevent does not survive the other order.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from queue import Empty, Queue
from threading import Lock, Thread

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.typing import Origin
from websockets.uri import parse_uri


class FeedLost(Exception):
    """The feed was refused, has ended, or nothing came in time."""


class LiveFeed:
    """One screen's connection. `timeout`: seconds that opening it, or the wait for a frame, may take."""

    def __init__(self, url: str, origin: str, timeout: float) -> None:
        """Connect. Raises FeedLost."""
        uri = parse_uri(url)
        self._protocol = ClientProtocol(uri, origin=Origin(origin), max_size=2**26)
        self._timeout = timeout
        self._frames: Queue[Frame | FeedLost] = Queue()
        self._lock = Lock()
        try:
            self._socket = socket.create_connection((uri.host, uri.port), timeout)
            self._protocol.send_request(self._protocol.connect())
            self._flush()
            while self._protocol.handshake_exc is None and self._protocol.state.name == "CONNECTING":
                self._receive()
            self._socket.settimeout(None)
            if self._protocol.handshake_exc is not None:
                raise FeedLost(str(self._protocol.handshake_exc))
        except (OSError, WebSocketException, FeedLost) as error:
            if hasattr(self, "_socket"):
                self._socket.close()
            raise FeedLost(str(error) or type(error).__name__) from error
        self._reader = Thread(target=self._read, name="live feed", daemon=True)
        self._reader.start()

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
            with self._lock:
                self._protocol.send_close(1000)
                self._flush()
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    def _next(self) -> Frame:
        try:
            frame = self._frames.get(timeout=self._timeout)
        except Empty:
            raise FeedLost(f"nothing came in {self._timeout:g} s") from None
        if isinstance(frame, FeedLost):
            raise frame
        return frame

    def _read(self) -> None:
        """Until the end, which is the last that `message` hears."""
        try:
            while (
                end := self._protocol.close_rcvd
            ) is None:  # it may have come with the answer to the request
                self._receive()
            raise FeedLost(f"closed: {end.code} {end.reason}")
        except FeedLost as lost:
            self._frames.put(lost)
        except (OSError, WebSocketException) as error:
            self._frames.put(FeedLost(str(error) or type(error).__name__))

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise FeedLost("closed by the program")
        with self._lock:
            self._protocol.receive_data(data)
            self._flush()  # pings are answered
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
                self._frames.put(event)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
