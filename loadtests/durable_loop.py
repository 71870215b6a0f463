"""The bare durable loop, the gateway's ceiling: read, unescape, checksum, header, position, XADD, reply. It
has no sessions, no resends, no orders, no bounds. `python -m loadtests.durable_loop REDIS_URL` prints its port."""

import asyncio
import gc
import sys
from calendar import timegm
from struct import Struct, pack

import click
from redis.asyncio import Redis

from dispatch.clock import SystemClock
from dispatch.messages import Position, all_shards, encode, positions_stream

HEADER, BASIC = Struct(">HH6sH"), Struct(">IIIIHHH")
waiting: list[tuple["Loop", Position, bytes]] = []
wake = asyncio.Event()


class Loop(asyncio.Protocol):
    rest = b""
    replies = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        *parts, self.rest = (self.rest + data).split(b"\x7e")
        received = SystemClock().now().timestamp()
        for content in filter(None, parts):
            if b"\x7d" in content:
                content = content.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
            if exclusive_or(content) or len(content) < 13:
                continue
            message, length, phone, serial = HEADER.unpack_from(content)
            if message == 0x0200 and length == len(content) - 13 >= 28:
                waiting.append((self, position(phone.hex(), content, received), self.reply(phone, serial, message)))
                wake.set()
            else:
                self.transport.write(self.reply(phone, serial, message))

    def reply(self, phone: bytes, serial: int, message: int) -> bytes:
        self.replies = self.replies + 1 & 0xFFFF
        if message == 0x0100:
            content = HEADER.pack(0x8100, 4, phone, self.replies) + pack(">HB", serial, 0) + b"1"
        else:
            content = HEADER.pack(0x8001, 5, phone, self.replies) + pack(">HHB", serial, message, 0)
        content += bytes((exclusive_or(content),))
        return b"\x7e" + content.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


def exclusive_or(content: bytes) -> int:
    number, size = int.from_bytes(content), len(content)
    while size > 1:
        size = (size + 1) // 2
        number = number >> 8 * size ^ number & (1 << 8 * size) - 1
    return number


def position(device: str, content: bytes, received: float) -> Position:
    alarm, status, lat, lon, height, speed, course = BASIC.unpack_from(content, 12)
    y, mo, d, h, mi, s = (n // 16 * 10 + n % 16 for n in content[34:40])
    fixed = timegm((2000 + y, mo, d, h, mi, s)) - 28_800
    items, at, end = {}, 40, len(content) - 1
    while at + 1 < end:
        items[str(content[at])] = int.from_bytes(content[at + 2 : (after := at + 2 + content[at + 1])])
        at = after
    valid, place = status & 2 > 0, (lat / 1e6, lon / 1e6)
    return Position(device, fixed, received, *place, valid, speed / 36, course, height, "jt808", items)  # type: ignore[arg-type]


async def main(url: str) -> None:
    gc.set_threshold(50_000, 20, 100)  # as the gateway does
    redis, streams, turn = Redis.from_url(url), [positions_stream(tag) for tag in all_shards()], 0
    server = await asyncio.get_running_loop().create_server(Loop, "127.0.0.1", 0, backlog=1024)
    click.echo(str(server.sockets[0].getsockname()[1]))
    while await wake.wait():
        await asyncio.sleep(0.002)
        wake.clear()
        batch, waiting[:] = waiting[:], []
        pipeline, turn = redis.pipeline(transaction=False), (turn + 1) % len(streams)
        for start in range(0, len(batch), 64):
            pipeline.xadd(streams[turn], {"b": encode([item[1] for item in batch[start : start + 64]])})
        await pipeline.execute()
        replies: dict[Loop, list[bytes]] = {}
        for loop, _, reply in batch:
            replies.setdefault(loop, []).append(reply)
        for loop, frames in replies.items():
            loop.transport.write(b"".join(frames))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
