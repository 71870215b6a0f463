"""The HTTP interface in process, on the small organisation; one signed-in client a person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from dispatch.adapters.http.app import HttpServices, create_app
from dispatch.adapters.photo_files import PhotoFiles
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.call_desk import SqlDesk
from dispatch.adapters.sql.gazetteer import SqlGazetteer
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.tracks import SqlTracks
from dispatch.adapters.sql.views import Views
from dispatch.clock import VirtualClock
from dispatch.services.dispatcher import centre_received
from dispatch.services.tickets import Tickets
from tests.dispatch.databases import Database, database, database_kind, postgres_server
from tests.dispatch.organisation import (
    EAST,
    HASHER,
    PASSWORD,
    START,
    Installation,
    NearInMemory,
    context_of,
    fill,
    installation,
    shipped_processes,
)
from tests.dispatch.shown_devices import ShownDevices

__all__ = ["City", "database", "database_kind", "postgres_server"]
SECRET = "the secret of this installation"
PAGE = "http://centre.test"


class City:
    """What a test does through the interface, as people."""

    def __init__(self, place: Installation, app: FastAPI, services: HttpServices) -> None:
        self.place = place
        self.app = app
        self.services = services
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._stack = AsyncExitStack()

    async def nobody(self) -> httpx.AsyncClient:
        """A browser that is not signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return await self._stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=PAGE, trust_env=False)
        )

    async def person(self, username: str) -> httpx.AsyncClient:
        """A signed-in browser."""
        if username not in self._clients:
            client = await self.nobody()
            answer = await client.post("/api/session", json={"username": username, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            self._clients[username] = client
        return self._clients[username]

    async def post(self, username: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """A request by somebody."""
        client = await self.person(username)
        return await client.post(path, json=body, headers=headers)

    async def get(self, username: str, path: str) -> httpx.Response:
        """A look by somebody."""
        return await (await self.person(username)).get(path)

    async def order(self, until: str = "at_centre", place: tuple[float, float] = EAST, **facts: Any) -> str:
        """A new order, brought as far as a state."""
        body = call(place, **facts)
        order_id: str = (await self.post("holly", "/api/calls", body)).json()["order_id"]
        steps = ("received", "at_centre", "dispatched", "acknowledged", "en_route", "on_scene", "restored")
        for state in steps[1 : steps.index(until) + 1]:
            await self._bring(order_id, state)
        return order_id

    async def _bring(self, order_id: str, state: str) -> None:
        if state == "at_centre":
            sent = await self.post("holly", f"/api/orders/{order_id}/send")
            centre = sent.json()["centre_id"]
            await centre_received(self.place.context, order_id, centre_id=centre, send=1)
        elif state == "dispatched":
            answer = await self.post("dora", f"/api/orders/{order_id}/dispatch", {"crew_id": "E1"})
            assert answer.status_code == 200, answer.text
        else:
            step = {
                "acknowledged": "acknowledge", "en_route": "depart", "on_scene": "arrive", "restored": "restore"
            }[state]  # fmt: skip
            answer = await self.post("carl", f"/api/crew/orders/{order_id}/{step}", {"generation": 1})
            assert answer.status_code == 200, answer.text
        self.place.clock.advance(30)

    async def close(self) -> None:
        """Every browser is closed."""
        await self._stack.aclose()


def call(place: tuple[float, float] | None = EAST, **facts: Any) -> dict[str, Any]:
    """A report as the hotline's form sends it."""
    where = {"lat": place[0], "lon": place[1]} if place else {}
    return {
        "channel": "phone", "address": "12 Harbour Road", **where, "fault_type": "meter", "voltage": "lv",
        "customer_name": "Li", "customer_phone": "+861012345", "description": "no power", **facts,
    }  # fmt: skip


async def _healthy() -> dict[str, Any]:
    return {"status": "ok", "parts": {"sql": {"state": "ok", "reason": ""}}}


@cache
def _app() -> FastAPI:
    """One application for all tests, since it takes a while to make; each test gives it its own services."""
    return create_app(cast(HttpServices, SimpleNamespace(origins=frozenset())))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """The small organisation."""
    with installation(tmp_path) as found:
        yield found


@pytest.fixture
async def city(place: Installation) -> AsyncIterator[City]:
    """The small organisation behind its HTTP interface."""
    found = _city(place)
    yield found
    await found.close()


@pytest.fixture
async def either_city(database: Database) -> AsyncIterator[City]:
    """The same on each database in turn."""
    clock = VirtualClock(START)
    database.at_once(fill)
    store = database.store(shipped_processes(), clock)
    directory = await store.read(load_directory)
    found = _city(
        Installation(cast(Any, store), context_of(store, directory, clock), clock, database.settings.data)
    )
    yield found
    await found.close()


def _city(place: Installation) -> City:
    context, store = place.context, place.store
    services = HttpServices(
        context=context, views=Views(store, context), histories=SqlHistories(store, context),
        people=SqlPeople(store, hasher=HASHER), tickets=Tickets(SECRET),
        administration=SqlAdministration(store, context), tracks=SqlTracks(store), photos=PhotoFiles(place.folder / "photos"), devices=ShownDevices(), shortages=SqlShortages(store),
        saved=SqlSavedViews(store), gazetteer=SqlGazetteer(store), call_desk=SqlDesk(store),
        near=NearInMemory(context), health=_healthy, secret=SECRET, live_port=8046,
    )  # fmt: skip
    app = _app()
    app.state.services = services
    return City(place, app, services)
