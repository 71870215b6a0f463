"""A way to PostgreSQL on which everything stays open and no answer comes any more, as through a broken network."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class Line:
    """Listens on a socket of its own and carries on to the server of `url`; `silent` drops what the server says."""

    def __init__(self, url: str) -> None:
        self._there = Path(parse_qs(urlsplit(url).query)["host"][0])
        self._folder = tempfile.TemporaryDirectory(prefix="d45line-")
        self.url = url.replace(str(self._there), self._folder.name)
        self.silent = False
        self.dropped = 0
        """Answers that did not come."""
        self._carried: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_unix_server(self._open, Path(self._folder.name) / SOCKET)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._carried:
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)
        self._folder.cleanup()

    async def _open(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_unix_connection(self._there / SOCKET)
        for source, sink, heard in ((reader, on, True), (back, writer, False)):
            task = asyncio.create_task(self._carry(source, sink, heard=heard))
            self._carried.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, heard: bool) -> None:
        try:
            while data := await source.read(65536):
                if heard or not self.silent:
                    sink.write(data)
                else:
                    self.dropped += 1
        except OSError:
            pass  # hung up
        finally:
            sink.close()
