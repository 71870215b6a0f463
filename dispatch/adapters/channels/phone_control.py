"""baresip's control connection (its module ctrl_tcp): commands and events as JSON in netstrings, over TCP.

It takes one connection; a newer one takes the place of the older. Commands that are written together are carried out
together, which is what makes "choose a line, then dial on it" safe.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from dispatch.core.errors import Unavailable

PATIENCE = 4.0
"""Seconds for the answers to one batch of commands."""
LONGEST = 1_000_000
"""Bytes of one message; longer ones are not baresip's."""

Event = dict[str, Any]


class Control:
    """One connection. Events go to `on_event` as they come."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: deque[asyncio.Future[str]] = deque()

    @property
    def connected(self) -> bool:
        """Whether commands can be given."""
        return self._writer is not None

    async def connect(self, port: int) -> None:
        """To the sidecar on this machine. Raises Unavailable."""
        try:
            async with asyncio.timeout(PATIENCE):
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:  # TimeoutError is one
            raise Unavailable(f"baresip does not answer on its control port: {error}") from None

    async def listen(self) -> None:
        """Read until the connection ends; returns then."""
        assert self._reader is not None
        try:
            while True:
                size = int((await self._reader.readuntil(b":"))[:-1])
                if not 0 <= size <= LONGEST:
                    return
                self._take(json.loads((await self._reader.readexactly(size + 1))[:-1]))
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            return
        finally:
            self.close()

    async def run(self, commands: Sequence[tuple[str, str]]) -> list[str]:
        """Carry out commands (name, parameters) one after the other; what each answers. Raises Unavailable."""
        if self._writer is None:
            raise Unavailable("baresip does not run")
        futures = [asyncio.get_running_loop().create_future() for _ in commands]
        self._waiting.extend(futures)
        bodies = [json.dumps({"command": name, "params": told}).encode() for name, told in commands]
        self._writer.write(b"".join(b"%d:%s," % (len(body), body) for body in bodies))
        try:
            async with asyncio.timeout(PATIENCE):
                return [await future for future in futures]
        except TimeoutError:
            self.close()
            raise Unavailable("baresip does not answer") from None

    def close(self) -> None:
        """End it; whoever waits is told."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with suppress(RuntimeError):  # the loop has ended
                writer.close()
        while self._waiting:
            if not (future := self._waiting.popleft()).done():
                future.set_exception(Unavailable("baresip has ended"))
                future.exception()  # nobody may be waiting any more

    def _take(self, message: Event) -> None:
        if message.get("event"):
            self._on_event(message)
        elif message.get("response") and self._waiting:
            future = self._waiting.popleft()
            if future.done():
                return
            said = str(message.get("data", ""))
            if message.get("ok"):
                future.set_result(said)
            else:
                future.set_exception(Unavailable(f"baresip refuses: {said.strip()}"))
                future.exception()
