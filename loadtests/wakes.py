"""A few terminals in a thread of their own that receipt every message and note when a question came."""

from __future__ import annotations

import selectors
import socket
from threading import Condition, Thread

from dispatch.clock import SystemClock
from loadtests import wire
from loadtests.processes import Failed

PATIENCE = 5.0


class Listener:
    """Terminals logged in on one port, however many processes share it."""

    def __init__(self, port: int, devices: list[str]) -> None:
        self._selector = selectors.DefaultSelector()
        self._rests: dict[socket.socket, bytes] = {}
        self._came: dict[tuple[str, str], float] = {}
        self._change = Condition()
        self._closing = False
        self._here: set[str] = set()
        for device in devices:
            line = socket.create_connection(("127.0.0.1", port))
            self._rests[line] = b""
            self._selector.register(line, selectors.EVENT_READ, device)
            line.sendall(wire.frame(wire.REGISTER, bytes.fromhex(device), 1, wire.REGISTRATION))
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()
        with self._change:
            if not self._change.wait_for(lambda: len(self._here) == len(devices), PATIENCE):
                raise Failed("not every terminal could log in")

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._thread.join()
        for line in self._rests:
            line.close()

    def question(self, device: str, order: str) -> float:
        """When the question that names this order reached the terminal. Raises Failed where none comes."""
        with self._change:
            if not self._change.wait_for(lambda: (device, order) in self._came, PATIENCE):
                raise Failed(f"{order} never reached {device}")
            return self._came[device, order]

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.1):
                line = key.fileobj
                assert isinstance(line, socket.socket)
                messages, self._rests[line] = wire.heard(self._rests[line] + line.recv(65536))
                at = SystemClock.monotonic()
                for one in messages:
                    self._hear(line, str(key.data), one, at)

    def _hear(self, line: socket.socket, device: str, one: wire.Heard, at: float) -> None:
        phone = bytes.fromhex(device)
        if one.message == wire.REGISTERED:
            line.sendall(wire.frame(wire.AUTHENTICATE, phone, 2, one.body[3:]))
        elif one.message == wire.GENERAL:
            with self._change:
                self._here.add(device)
                self._change.notify()
        else:
            line.sendall(wire.receipt(phone, 3, one))
            if one.message == wire.QUESTION:
                text = one.body[2 : 2 + one.body[1]].decode("gbk")
                with self._change:
                    self._came[device, text.split()[-1]] = at
                    self._change.notify()
