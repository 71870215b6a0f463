"""Photos as files of the data folder: `photos/<order>/<digest>`. Several web processes need to share that folder."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from uuid import uuid4

from dispatch.core.errors import NotFound, Unavailable

_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


class PhotoFiles:
    """`Photos` below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, order_id: str, name: str, content: bytes) -> None:
        """Written beside, synced, then renamed: half a photo is never seen. Raises Unavailable where the disk refuses."""
        try:
            await asyncio.to_thread(_write, self._file(order_id, name), content)
        except OSError as error:
            raise Unavailable(f"the photo could not be kept: {error.strerror}", part="photos") from error

    async def read(self, order_id: str, name: str) -> bytes:
        """The file. Raises NotFound."""
        try:
            return await asyncio.to_thread(self._file(order_id, name).read_bytes)
        except FileNotFoundError:
            raise NotFound(f"the photo {name!r} of order {order_id} is not in the data folder") from None

    def _file(self, order_id: str, name: str) -> Path:
        for part in (order_id, name):
            if not _SAFE.fullmatch(part):
                raise NotFound(f"no photo {name!r} of {order_id!r}")
        return self._folder / order_id / name


def _write(file: Path, content: bytes) -> None:
    if file.exists():
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f".{uuid4().hex}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
