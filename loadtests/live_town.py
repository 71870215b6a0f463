"""A process with the real pages and the real live feed over a town of many vehicles: `python -m loadtests.live_town 20000`.

Centre `many` has that many crews and ORDERS orders; centre `orders` has MANY_ORDERS orders and few crews. Every vehicle
reports once a second, through the fixes that tracking writes and the live server reads; one in five stands still.
It prints its address, and ends when its input does. `/tiles/…` is a base map of pictures, as a utility has one.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
import sys
import zlib
from datetime import UTC
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import uvicorn
from numpy.typing import NDArray
from sqlalchemy import Connection, insert
from starlette.requests import Request
from starlette.responses import Response

from dispatch.adapters.http.app import create_app
from dispatch.adapters.http.services import HttpServices
from dispatch.adapters.ids import RandomIds
from dispatch.adapters.roads.speeds import load_speeds
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory, replace_organisation, set_territories
from dispatch.adapters.sql.passwords import HASHER
from dispatch.adapters.sql.people import PERSON, SqlPeople
from dispatch.adapters.sql.sqlite import SqliteStore, open_engine
from dispatch.adapters.sql.views import Views
from dispatch.adapters.ws.live import LiveServer
from dispatch.bootstrap.database import at_once, make_ready, sqlite_file
from dispatch.clock import SystemClock
from dispatch.collector import let_batches_live
from dispatch.core.position import Fix, LastKnown
from dispatch.core.territory import territories_from_geojson
from dispatch.core.travel import StraightLine
from dispatch.core.types import Actor, Point
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context, Fixes
from dispatch.services.tickets import Tickets
from dispatch.settings import Settings
from map_ui.install import install
from simulators.shipped import shipped_processes, shipped_rules

HOST = "127.0.0.1"
LAT, LON = 30.0, 120.0
SPREAD = 0.1
"""Degrees: a standard deviation of where vehicles are. At zoom 15 some 450 of 20,000 are in view."""
LAND = 0.6
ORDERS, MANY_ORDERS = 500, 1_000
FEW_CREWS = 20
TAKING = 100
"""Crews of centre `many` that get orders: the others are of another trade."""
SPEED = 12.0
"""Metres a second."""
STANDING = 0.2
PARTS = 20
"""Of the fleet, each of which reports at a moment of its own in each second."""
METRES_A_DEGREE = 111_320.0
PASSWORD = "a password of the load test"  # noqa: S105 - of a database that is thrown away
PEOPLE = (("many", "many"), ("few", "orders"))
"""Dispatchers and their centres."""


def _crew(name: str, centre: str, trade: str = "service") -> dict[str, Any]:
    return {
        "id": name, "name": f"Crew {name}", "department_id": centre, "centre_id": centre, "trade": trade,
        "duty_phone": "+861", "capacity": MANY_ORDERS, "shares_office": False,
        "vehicle": {"device": f"t-{name}", "plate": name, "protocol": "jt808"}, "phone_device": f"p-{name}",
    }  # fmt: skip


def _organisation(vehicles: int) -> dict[str, Any]:
    centres = [centre for _, centre in PEOPLE]
    leader = {"name": "Li", "phone": "+862"}
    crews = [_crew(f"m{n:05}", "many", "service" if n < TAKING else "line") for n in range(vehicles)]
    return {
        "centres": [{"id": c, "name": c, "duty_phone": "+863", "lat": LAT, "lon": LON} for c in centres],
        "departments": [
            {
                "id": c, "name": c, "kind": "community_service_station", "centre_id": c, "trade": "service",
                "leader1": leader, "leader2": leader,
            }
            for c in centres
        ],
        "crews": crews + [_crew(f"f{n:02}", "orders") for n in range(FEW_CREWS)],
    }  # fmt: skip


def _land(centre: str, lon: float) -> dict[str, Any]:
    west, east, south, north = lon - LAND, lon + LAND, LAT - LAND, LAT + LAND
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    facts = {"id": centre, "name": centre, "centre_id": centre, "area_class": "urban", "kind": "city"}
    return {"type": "Feature", "properties": facts, "geometry": {"type": "Polygon", "coordinates": [ring]}}


TERRITORIES = {"type": "FeatureCollection", "features": [_land("many", LON), _land("orders", LON + 3 * LAND)]}


def _settle(connection: Connection, vehicles: int) -> None:
    replace_organisation(connection, _organisation(vehicles))
    set_territories(connection, TERRITORIES)
    rows = [
        {
            "username": name, "name": name, "role": "dispatcher", "centre_id": centre, "crew_id": "",
            "password": HASHER.hash(PASSWORD), "active": True,
        }
        for name, centre in PEOPLE
    ]  # fmt: skip
    connection.execute(insert(PERSON), rows)


class Traffic:
    """Vehicles that drive straight on, and turn where the town ends."""

    def __init__(self, devices: list[str], fixes: Fixes) -> None:
        random = np.random.default_rng(45)
        count = len(devices)
        self._devices, self._fixes = devices, fixes
        self._lat: NDArray[np.float64] = LAT + random.normal(0, SPREAD, count).clip(-LAND / 2, LAND / 2)
        self._lon: NDArray[np.float64] = LON + random.normal(0, SPREAD, count).clip(-LAND / 2, LAND / 2)
        self._course: NDArray[np.float64] = random.uniform(0, 360, count)
        self._speed: NDArray[np.float64] = np.where(random.random(count) < STANDING, 0.0, SPEED)

    def drive(self) -> None:
        """Everybody is a second further."""
        step = self._speed / METRES_A_DEGREE
        angle = np.radians(self._course)
        self._lat += step * np.cos(angle)
        self._lon += step * np.sin(angle) / math.cos(math.radians(LAT))
        out = (abs(self._lat - LAT) > LAND / 2) | (abs(self._lon - LON) > LAND / 2)
        turned = np.where(out, (self._course + 177) % 360, (self._course + 0.5) % 360)
        self._course = np.where(step > 0, turned, self._course)

    def report(self, now: float, first: int = 0, step: int = 1) -> None:
        """Every vehicle from the `first` on, by steps, says where it is."""
        some = slice(first, None, step)
        columns = (self._lat, self._lon, self._speed, self._course)
        values = (column[some].tolist() for column in columns)
        for device, lat, lon, speed, course in zip(self._devices[some], *values, strict=True):
            fix = Fix(lat, lon, now, now, speed_mps=speed, course_deg=course)
            self._fixes.put(LastKnown(device, fix))


async def _take_orders(context: Context) -> None:
    """Orders at both centres, every second one with a crew."""
    by = Actor("hotline", "seed")
    for centre, count, west in (("many", ORDERS, LON), ("orders", MANY_ORDERS, LON + 3 * LAND)):
        crews = [
            crew for crew in context.directory.crews if crew.startswith("m" if centre == "many" else "f")
        ]
        for n in range(count):
            row, column = divmod(n, 40)
            place = Point(LAT - 0.2 + row * 0.012, west - 0.2 + column * 0.01)
            call = hotline.Call("phone", f"{n} Long Street", "meter", "lv", place=place)
            order_id = (await hotline.take_call(context, call, by=by)).order_id
            await hotline.send(context, order_id, by=by)
            await dispatcher.centre_received(context, order_id, centre_id=centre, send=1)
            if n % 2:
                await dispatcher.dispatch(
                    context,
                    order_id,
                    crew_id=crews[n % min(TAKING, len(crews))],
                    by=Actor("dispatcher", centre),
                )


def _tiles() -> list[bytes]:
    """Four pictures of 256 x 256 that look like streets."""
    random = np.random.default_rng(45)
    found = []
    for _ in range(4):
        picture = np.full((256, 256, 3), 236, dtype=np.uint8)
        for at in random.integers(0, 250, 12):
            picture[at : at + 4] = picture[:, at : at + 3] = random.integers(180, 255, 3)
        for y, x in random.integers(0, 240, (60, 2)):
            picture[y : y + 9, x : x + 12] = random.integers(200, 230, 3)
        raw = b"".join(b"\0" + row.tobytes() for row in picture)
        parts = (
            (b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(raw)),
            (b"IEND", b""),
        )
        found.append(
            b"\x89PNG\r\n\x1a\n"
            + b"".join(
                struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts
            )
        )
    return found


async def run(folder: Path, vehicles: int) -> None:
    """Until the input ends."""
    settings = Settings(data=folder, language="en")
    make_ready(settings)
    at_once(settings, lambda c: _settle(c, vehicles))
    processes, clock = shipped_processes(), SystemClock()
    store = SqliteStore(open_engine(sqlite_file(settings), durable=False), processes, clock)
    try:
        context = Context(
            store=store, clock=clock, processes=processes, directory=await store.read(load_directory),
            territories=territories_from_geojson(TERRITORIES), rules=shipped_rules(),
            travel=StraightLine(load_speeds("Asia/Shanghai")), ids=RandomIds(UTC), policy="manual",
        )  # fmt: skip
        await _take_orders(context)
        traffic = Traffic([f"t-m{n:05}" for n in range(vehicles)], context.fixes)
        traffic.report(clock.timestamp())
        let_batches_live()
        await _serve(context, store, settings, traffic)
    finally:
        store.close()


async def _serve(context: Context, store: SqliteStore, settings: Settings, traffic: Traffic) -> None:
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    tickets, views = Tickets("secret"), Views(store, context)
    live = LiveServer(views, context, tickets)
    live_port = await live.start(HOST, 0, page_port=port)
    unused = cast("Any", None)
    services = HttpServices(
        context=context, views=views, histories=SqlHistories(store, context), people=SqlPeople(store),
        tickets=tickets, administration=SqlAdministration(store, context), tracks=unused, devices=unused,
        shortages=unused, saved=unused, gazetteer=unused, call_desk=unused, near=unused, health=unused, secret="secret", live_port=live_port,  # noqa: S106
    )  # fmt: skip
    app = create_app(services)
    install(app, services, settings)
    tiles = _tiles()

    async def tile(request: Request) -> Response:
        part = request.path_params
        return Response(tiles[(int(part["x"]) * 7 + int(part["y"])) % len(tiles)], media_type="image/png")

    app.add_route("/tiles/{z}/{x}/{y}", tile)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    driving = asyncio.create_task(_drive(context, traffic))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    sys.stdout.write(f"http://{HOST}:{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    driving.cancel()
    await asyncio.gather(driving, serving, return_exceptions=True)
    await live.stop()


async def _drive(context: Context, traffic: Traffic) -> None:
    """Each vehicle once a second, not all of them at one moment."""
    turn = SystemClock.monotonic()
    for part in cycle(range(PARTS)):
        turn += 1.0 / PARTS
        await asyncio.sleep(max(0.0, turn - SystemClock.monotonic()))
        if not part:
            traffic.drive()
        traffic.report(context.clock.now().timestamp(), part, PARTS)


if __name__ == "__main__":
    with TemporaryDirectory() as temporary:
        asyncio.run(run(Path(temporary), int(sys.argv[1])))
