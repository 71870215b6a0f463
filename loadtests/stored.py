"""What is in the streams, read as the centre reads it: in its consumer group, so that the gateway may trim."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from dispatch.messages import all_shards, decode_positions, positions_stream
from loadtests.wire import number_of

GROUP = "centre"
STREAMS = [positions_stream(tag) for tag in all_shards()]


class Stored:
    """Reads in a thread until `finish`; what has been read and acknowledged is remembered here."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._seen: dict[str, bytearray] = {}
        self._ending = Event()
        self._thread = Thread(target=self._run, name="stored", daemon=True)
        self.positions = 0
        self.doubled = 0
        self._thread.start()

    def finish(self) -> None:
        """Read what is left, then stop."""
        self._ending.set()
        self._thread.join()

    def lacks(self, acknowledged: dict[str, bytes]) -> int:
        """How many of the acknowledged positions are not stored."""
        lost = 0
        for device, numbers in acknowledged.items():
            seen = self._seen.get(device, bytearray())
            at = numbers.find(1)
            while at >= 0:
                lost += at >= len(seen) or not seen[at]
                at = numbers.find(1, at + 1)
        return lost

    def _run(self) -> None:
        redis, empty, start = Redis.from_url(self._url), 0, "0"
        while empty < 3:
            try:
                found = self._read(redis, start)
            except (RedisError, OSError):
                start = "0"  # what was on its way to us when the line broke
                Event().wait(0.1)
                continue
            if not found:
                start = ">"
            empty = empty + 1 if self._ending.is_set() and not found else 0
        redis.close()

    def _read(self, redis: Redis, start: str) -> bool:
        """Once through; an entry may come twice where the server was killed before it kept the acknowledgement."""
        for stream in STREAMS:
            try:
                redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
        taken = 0
        found: Any = redis.xreadgroup(GROUP, "loads", dict.fromkeys(STREAMS, start), count=256, block=200)
        if found:
            pairs = found.items() if isinstance(found, dict) else found
            pipeline = redis.pipeline(transaction=False)
            for stream, entries in pairs:
                rows: list[Any] = entries[0] if entries and isinstance(entries[0], list) else entries
                for _, fields in rows:
                    self._take(fields[b"b"])
                if rows:
                    taken += len(rows)
                    pipeline.xack(stream, GROUP, *(entry for entry, _ in rows))
            pipeline.execute()
        return taken > 0

    def _take(self, body: bytes) -> None:
        for one in decode_positions(body):
            number = number_of(one.lat)
            seen = self._seen.setdefault(one.device, bytearray())
            if number >= len(seen):
                seen += bytes(number + 1024 - len(seen))
            self.positions += 1
            self.doubled += seen[number]
            seen[number] = 1
