"""A TCP line between a page and the live server that can be cut, fall silent, or lose one message."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

HOST = "127.0.0.1"
SHORT, MIDDLE = 126, 127
"""Lengths of a frame from which two or eight further bytes say it (RFC 6455, 5.2)."""


class Line:
    """Listens at `port` and hands on to another one."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.port = 0
        self.lost = 0
        self._losing = b""
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.restore()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def cut(self) -> None:
        """Every connection is reset, and new ones are refused."""
        self._flows.set()
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def silence(self) -> None:
        """Nothing passes any more and nobody is told: what is sent stays on the way."""
        self._flows.clear()

    async def restore(self) -> None:
        """It works again; what was on the way arrives."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def lose(self, part: bytes) -> None:
        """The next message to a page that contains this is lost."""
        self._losing = part

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        up = asyncio.create_task(self._carry(reader, far_writer))
        await self._carry(far_reader, writer, down=True)
        up.cancel()
        await asyncio.gather(up, return_exceptions=True)
        self._writers -= {writer, far_writer}
        far_writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool = False
    ) -> None:
        """One direction, until it ends; the end is handed on as everything else is."""
        with suppress(OSError, asyncio.IncompleteReadError):
            if down:
                writer.write(await self._passing(reader.readuntil(b"\r\n\r\n")))
            while data := await self._passing(_message(reader) if down else reader.read(65_536)):
                if self._losing and self._losing in data:
                    self._losing, self.lost = b"", self.lost + 1
                    continue
                writer.write(data)
                await writer.drain()
        await self._flows.wait()
        with suppress(OSError):
            writer.close()

    async def _passing(self, reading: object) -> bytes:
        data: bytes = await reading  # type: ignore[misc]
        await self._flows.wait()
        return data


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One whole frame from a server: those are never masked."""
    head = await reader.readexactly(2)
    length = head[1]
    if length >= SHORT:
        more = await reader.readexactly(8 if length == MIDDLE else 2)
        head, length = head + more, int.from_bytes(more)
    return head + await reader.readexactly(length)
