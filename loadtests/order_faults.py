"""Orders to a fleet over bad lines while the gateway is killed: the centre's side of it, and the judgement."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import deque
from threading import Event
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from dispatch.clock import SystemClock
from dispatch.messages import (
    WAKE_CHANNEL,
    Desired,
    DesiredOrder,
    DeviceEvent,
    Press,
    Receipt,
    all_shards,
    decode_events,
    desired_key,
    encode,
    events_stream,
)
from loadtests.fleet import Fleet, Log
from loadtests.objectives import Objective
from loadtests.processes import EPOCH, Failed, GatewayProcess
from loadtests.swarm import phone_of

AT_ONCE = 3
"""Orders on one terminal."""
RECALLED = 0.15
"""Share of the orders that the centre takes back before they are done."""
STREAMS = [events_stream(tag) for tag in all_shards()]


class Vehicle:
    """What the centre wants on one terminal."""

    def __init__(self, number: int, orders: int, luck: random.Random) -> None:
        self.device = phone_of(number)
        self.wished: dict[str, DesiredOrder] = {}
        self.coming = deque(f"{number}-{n}" for n in range(orders))
        self.luck = luck
        self.revision = 1
        self.delivered: set[str] = set()
        self.removed: set[str] = set()
        self.restored: set[str] = set()
        self.taken_back: set[str] = set()
        self.sent: set[str] = set()
        self.settled = 0

    def fill(self) -> bool:
        """New orders where there is room; whether anything changed."""
        changed = False
        while self.coming and len(self.wished) < AT_ONCE:
            order = self.coming.popleft()
            slot = min({1, 2, 3} - {one.slot for one in self.wished.values()})
            self.wished[order] = DesiredOrder(order, 1, slot, f"{order} Order")
            self.sent.add(order)
            changed = True
        return changed

    def hear(self, event: DeviceEvent) -> bool:
        """One event; whether the wish changes."""
        if isinstance(event, Receipt):
            if event.what == "settled":
                self.settled = max(self.settled, event.version)
            else:
                (self.delivered if event.what == "delivered" else self.removed).add(event.order_id)
            if event.what == "delivered" and self.luck.random() < RECALLED and event.order_id in self.wished:
                self.taken_back.add(event.order_id)
                del self.wished[event.order_id]
                return True
        elif isinstance(event, Press) and event.order_id in self.wished:
            if event.action == "acknowledge" and not self.wished[event.order_id].acknowledged:
                wish = self.wished[event.order_id]
                self.wished[event.order_id] = msgspec.structs.replace(wish, acknowledged=True)
                return True
            if event.action == "restore":
                self.restored.add(event.order_id)
                del self.wished[event.order_id]
                return True
        return False

    @property
    def finished(self) -> bool:
        """Everything was sent, and nothing is there any more."""
        return not self.coming and not self.wished and self.settled >= self.revision


class Centre:
    """Reads what the gateway says and changes what it wants."""

    def __init__(self, url: str, terminals: int, orders: int, seed: int) -> None:
        self.vehicles = {
            phone_of(n): Vehicle(n, orders, random.Random(seed * 7 + n)) for n in range(terminals)
        }
        self.presses: list[Press] = []
        self._redis = Redis.from_url(url)
        self._last = dict.fromkeys(STREAMS, b"0")
        self._unwritten: set[str] = set()

    def run(self, seconds: float) -> bool:
        """For so long, or until all is finished."""
        end = SystemClock.monotonic() + seconds
        while SystemClock.monotonic() < end:
            if all(vehicle.finished for vehicle in self.vehicles.values()):
                return True
            try:
                self._once()
            except (RedisError, OSError):
                Event().wait(0.1)
        return False

    def _once(self) -> None:
        found: Any = self._redis.xread(self._last, count=500, block=100)  # type: ignore[arg-type]
        for stream, entries in found.items() if isinstance(found, dict) else (found or []):
            name = stream.decode() if isinstance(stream, bytes) else stream
            rows: list[Any] = entries[0] if entries and isinstance(entries[0], list) else entries
            for entry, fields in rows:
                self._last[name] = entry
                for event in decode_events(fields[b"b"]):
                    self._hear(event)
        pipeline, woken = self._redis.pipeline(transaction=False), []
        for device, vehicle in self.vehicles.items():
            if vehicle.fill() or device in self._unwritten:
                self._unwritten.add(device)
                vehicle.revision += 1
                woken.append(device)
                wish = Desired(device, EPOCH, vehicle.revision, tuple(vehicle.wished.values()))
                pipeline.set(desired_key(device), encode(wish))
                pipeline.publish(WAKE_CHANNEL, device)
        pipeline.execute()
        self._unwritten.difference_update(woken)

    def _hear(self, event: DeviceEvent) -> None:
        if isinstance(event, Press):
            self.presses.append(event)
        vehicle = self.vehicles.get(event.device)
        if vehicle is not None and vehicle.hear(event):
            self._unwritten.add(event.device)


def run(
    url: str,
    gateway: GatewayProcess,
    terminals: int,
    orders: int,
    every: float,
    longest: float,
    facts: dict[str, float | int | str],
) -> list[Objective]:
    """`orders` to each terminal; the gateway is killed every so many seconds. Nothing runs longer than `longest`."""
    fleet = Fleet(gateway.port, terminals)
    command = [sys.executable, "-m", "loadtests.fleet", msgspec.json.encode(fleet).decode()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        centre, kills = Centre(url, terminals, orders, 1), 0
        began = SystemClock.monotonic()
        while not centre.run(every) and SystemClock.monotonic() - began < longest:
            if any(vehicle.wished for vehicle in centre.vehicles.values()):
                gateway.kill()
                gateway.start()
                kills += 1
        said, _ = process.communicate(b"\n", timeout=60)
    if not said:
        raise Failed("the fleet ended by itself")
    log = msgspec.json.decode(said, type=Log)
    facts["orders"] = (
        f"{terminals * orders:,} to {terminals:,} terminals, {kills} kills, {log.broken_lines:,} broken lines,"
        f" {log.lost_words:,} lost words, {len(centre.presses):,} presses,"
        f" {SystemClock.monotonic() - began:.0f} s"
    )
    return judge(centre, log)


def judge(centre: Centre, log: Log) -> list[Objective]:
    """What the terminals saw and meant against what the centre wanted and heard."""
    vehicles = centre.vehicles.values()
    heard = {":".join(press.press_id.split(":")[:3]): press for press in centre.presses}
    wrong = sum((p.order_id, p.action) != log.meant.get(key) for key, p in heard.items())
    unheard = sum(key not in heard for key in log.confirmed)
    lost = sum(len(v.coming) + len(v.sent - v.restored - v.taken_back) for v in vehicles)
    twice = sum(len(serials) > 1 for serials in log.serials.values())
    found = {
        "orders lost": lost + sum(not v.finished for v in vehicles),
        "orders shown under two serials": twice,
        "orders shown after recall": len(log.after_recall) + len(log.still_shown),
        "presses on the wrong order": wrong,
        "acknowledged presses lost": unheard,
    }
    return [Objective(name=name, measured=n, wanted=0, sense="at most") for name, n in found.items()]
