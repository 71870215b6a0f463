"""The bare durable loop, the gateway's ceiling: read, unescape, checksum, header, position, XADD, reply. It has
no sessions, no resends, no orders, no bounds. `python -m loadtests.durable_loop REDIS_URL` prints its port."""

# fmt: off
import asyncio
import gc
import sys
from calendar import timegm
from struct import Struct

import click
from redis.asyncio import Redis

from dispatch.clock import SystemClock
from dispatch.messages import Position, encode

HEADER, BASIC, ANSWER = Struct(">HH6sH"), Struct(">IIIIHHH"), Struct(">HH6sHHHB")
waiting: list[tuple["Loop", Position, bytes]] = []
wake, buffer = asyncio.Event(), memoryview(bytearray(65536))

class Loop(asyncio.BufferedProtocol):
    rest, replies = b"", 0
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
    def get_buffer(self, sizehint: int) -> memoryview:
        return buffer
    def buffer_updated(self, nbytes: int) -> None:
        *parts, self.rest = (self.rest + bytes(buffer[:nbytes])).split(b"\x7e")
        received = SystemClock().now().timestamp()
        for part in filter(None, parts):
            content = (
                part.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d") if b"\x7d" in part else part
            )
            message, length, phone, serial = HEADER.unpack_from(content)
            self.replies = self.replies + 1 & 0xFFFF
            reply = ANSWER.pack(0x8001, 5, phone, self.replies, serial, message, 0)
            reply += bytes((exclusive_or(reply),))
            reply = b"\x7e" + reply.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"
            if message == 0x0200 and length == len(content) - 13 >= 28 and not exclusive_or(content):
                waiting.append((self, position(phone.hex(), content, received), reply))
                wake.set()
            else:
                self.transport.write(reply)

def exclusive_or(content: bytes) -> int:
    number, shift = int.from_bytes(content), 4 << len(content).bit_length()
    while shift >= 8:
        number, shift = number ^ number >> shift, shift >> 1
    return number & 0xFF

def position(device: str, content: bytes, received: float) -> Position:
    _, status, lat, lon, height, speed, course = BASIC.unpack_from(content, 12)
    year, month, day, hour, minute, second = (n // 16 * 10 + n % 16 for n in content[34:40])
    fixed = timegm((2000 + year, month, day, hour, minute, second)) - 28_800
    items, at = dict[str, str | int | float | bool](), 40
    while at + 2 < len(content):
        items[str(content[at])] = int.from_bytes(content[at + 2 : (after := at + 2 + content[at + 1])])
        at = after
    return Position(device, fixed, received, lat / 1e6, lon / 1e6, status & 2 > 0, speed / 36, course, height, "", items)

async def main(url: str) -> None:
    gc.set_threshold(50_000, 20, 100)  # as the gateway does
    redis, loop = Redis.from_url(url), asyncio.get_running_loop()
    server = await loop.create_server(Loop, "127.0.0.1", 0, backlog=1024)
    click.echo(str(server.sockets[0].getsockname()[1]))
    while await wake.wait():
        await asyncio.sleep(0.002)
        wake.clear()
        pipeline, batch, waiting[:] = redis.pipeline(transaction=False), waiting[:], []
        for start in range(0, len(batch), 64):
            pipeline.xadd("positions:{s00}", {"b": encode([item[1] for item in batch[start : start + 64]])})
        await pipeline.execute()
        replies: dict[Loop, list[bytes]] = {}
        for line, _, reply in batch:
            replies.setdefault(line, []).append(reply)
        for line, frames in replies.items():
            line.transport.write(b"".join(frames))

if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
