"""Builds what a process needs from its settings."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from dispatch.adapters.channels.alerts import AppriseAlerts
from dispatch.adapters.channels.phone_rest import RestPhone
from dispatch.adapters.ids import RandomIds
from dispatch.adapters.redis.devices import RedisDevices
from dispatch.adapters.redis.inbox import RedisInbox
from dispatch.adapters.roads.csv import has_roads, load_roads
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql.organisation import fact, load_directory
from dispatch.bootstrap import definitions
from dispatch.bootstrap.database import AnyStore, open_history, open_store
from dispatch.bootstrap.epochs import EPOCH
from dispatch.bootstrap.installation import CITY
from dispatch.bootstrap.loops import Nudge
from dispatch.bootstrap.timekeeping import open_clock
from dispatch.clock import InstallationClock, ScaledClock, clock_from
from dispatch.core.responsibility import parse_responsibility
from dispatch.core.territory import Territories, territories_from_geojson
from dispatch.core.travel import RoadTravel, StraightLine, TravelTimes
from dispatch.services.context import Context
from dispatch.services.ports import Directory
from dispatch.services.ways_out import Ports
from dispatch.settings import Settings, wants_own_telephone


@dataclass
class Built:
    """One process's parts."""

    settings: Settings
    context: Context
    store: AnyStore
    positions: AnyStore
    redis: Redis
    ports: Ports
    phone: RestPhone | None
    nudge: Nudge
    real: InstallationClock
    """The installation's real time, which `context.clock` may scale."""

    async def close(self) -> None:
        """Give everything back, whatever of it fails; what is queued is finished first."""
        async with AsyncExitStack() as parts:  # the last one first
            for store in {id(s): s for s in (self.positions, self.store)}.values():
                parts.push_async_callback(_close, store)
            parts.push_async_callback(self.redis.aclose)
            if self.phone is not None:
                parts.push_async_callback(self.phone.close)


async def _close(store: AnyStore) -> None:
    closing = store.close()
    if closing is not None:
        await closing


async def build(settings: Settings) -> Built:
    """Everything that web and worker share. Raises DispatchError where a part cannot be used."""
    real = await asyncio.to_thread(open_clock, settings)
    clock = clock_from(settings.clock, real)
    processes = await asyncio.to_thread(definitions.load, settings)
    nudge = Nudge()
    store = open_store(settings, processes, clock, nudge)
    positions = open_history(settings, processes, clock, store)
    redis: Redis = Redis.from_url(settings.redis_url, socket_connect_timeout=2.0, socket_timeout=5.0)
    directory = await store.read(load_directory)
    zone = ZoneInfo(settings.timezone)
    context = Context(
        store=store, clock=clock, processes=processes, directory=directory,
        territories=territories_of(directory),
        rules=parse_responsibility(definitions.shipped_text("responsibility.toml")), travel=load_travel(settings),
        ids=RandomIds(zone), zone=zone, language=settings.language, policy=settings.policy,
        epoch=await store.read(lambda c: fact(c, EPOCH)),
        speed=clock.speed if isinstance(clock, ScaledClock) else 1.0, public_url=settings.public_url.rstrip("/"),
    )  # fmt: skip
    phone = open_phone(settings)
    ports = Ports(RedisDevices(redis), RedisInbox(redis), phone, AppriseAlerts())
    return Built(settings, context, store, positions, redis, ports, phone, nudge, real)


def open_phone(settings: Settings) -> RestPhone | None:
    """The telephone exchange as the centre knows it: by our REST interface, which the telephone process has too."""
    if not settings.phone_url:
        return None
    own = f"http://{in_url(settings.host)}:{settings.phone_port}"
    callback = f"http://{in_url(settings.host)}:{settings.port}/callbacks/phone"
    return RestPhone(own if wants_own_telephone(settings) else settings.phone_url, settings.secret, callback)


def in_url(host: str) -> str:
    """An address of this machine, for a URL, where a server listening on `host` answers."""
    everywhere = "0.0.0.0"  # noqa: S104 (not bound here)
    found = {everywhere: "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"[{found}]" if ":" in found else found


async def refresh_directory(built: Built) -> bool:
    """Take in what administrators have changed; whether that was anything."""
    directory = await built.store.read(load_directory)
    if directory == built.context.directory:
        return False
    built.context.directory = directory
    built.context.territories = territories_of(directory)
    return True


def territories_of(directory: Directory) -> Territories:
    """The directory's territories as polygons."""
    if not directory.territories:
        return Territories([])
    return territories_from_geojson(directory.territories)


def load_travel(settings: Settings) -> TravelTimes:
    """Driving times on the road graph, or along the straight line where there is none (the pages say so)."""
    speeds = load_speeds(settings.timezone)
    folder = roads_folder(settings)
    return RoadTravel(load_roads(folder), speeds) if folder else StraightLine(speeds)


def roads_folder(settings: Settings) -> Path | None:
    """Where the road graph is, if there is one."""
    folder = Path(settings.roads) if settings.roads else settings.data / CITY
    return folder if has_roads(folder) else None


def road_lines(settings: Settings) -> Callable[[], Mapping[str, Any]]:
    """The roads as GeoJSON lines for maps without a base map; read when first asked for."""
    folder = roads_folder(settings)

    @cache
    def lines() -> Mapping[str, Any]:
        features = []
        if folder is not None:
            with next(folder.glob("*road_edges.csv")).open(encoding="utf-8", newline="") as rows:
                features = [_road(row) for row in csv.DictReader(rows)]
        return {"type": "FeatureCollection", "features": features}

    return lines


def _road(row: Mapping[str, str]) -> dict[str, Any]:
    line = [[round(float(n), 5) for n in pair.split()] for pair in row["polyline_lonlat"].split(";")]
    speed = float(row.get("speed_kmh") or 0)
    return {
        "type": "Feature",
        "properties": {"speed_kmh": speed},
        "geometry": {"type": "LineString", "coordinates": line},
    }
