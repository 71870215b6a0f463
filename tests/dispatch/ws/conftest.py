"""The live server on the small organisation, on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect

from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.views import Views
from dispatch.adapters.ws.live import LiveServer
from dispatch.core.types import Actor, Point
from dispatch.services import dispatcher, hotline
from dispatch.services.people import Person, session_id
from dispatch.services.tickets import Guest, Tickets
from tests.dispatch.organisation import EAST, PEOPLE, Installation, installation

Frame = dict[str, Any]


class Screen:
    """One connection, and what it was told."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[Frame] = []

    async def until(self, true: Callable[[Frame], object], within: float = 5.0) -> Frame:
        """The next text frame of which this is true; those before it are kept in `heard`."""
        async with asyncio.timeout(within):
            while True:
                message = await self.connection.recv()
                if isinstance(message, str):
                    frame = msgspec.json.decode(message)
                    self.heard.append(frame)
                    if true(frame):
                        return frame

    async def next(self, kind: str, within: float = 5.0) -> Frame:
        """The next frame of this type."""
        return await self.until(lambda f: f["type"] == kind, within)

    async def positions(self, within: float = 5.0) -> bytes:
        """The next binary frame."""
        async with asyncio.timeout(within):
            while not isinstance(message := await self.connection.recv(), bytes):
                self.heard.append(msgspec.json.decode(message))
            return message

    async def say(self, **message: object) -> None:
        """What a page says."""
        await self.connection.send(msgspec.json.encode(message).decode())


class Live:
    """The server, and what a test does behind it."""

    def __init__(self, place: Installation, server: LiveServer, tickets: Tickets) -> None:
        self.place = place
        self.context = place.context
        self.server = server
        self.tickets = tickets
        self.port = 0
        self.tokens: dict[str, str] = {}
        self._stack = AsyncExitStack()

    async def screen(self, username: str, **options: Any) -> Screen:
        """Somebody opens the live feed."""
        connection = await self._stack.enter_async_context(
            connect(self.url(await self.ticket(username)), compression=None, **options)
        )
        return Screen(connection)

    async def ticket(self, username: str) -> str:
        """A ticket of somebody who has just signed in; `tokens` keeps the session."""
        self.tokens[username] = await SqlPeople(self.place.store).sign_in(person(username))
        return self.tickets.issue(Guest(person(username), session_id(self.tokens[username])))

    def url(self, ticket: str) -> str:
        """The address with a ticket."""
        return f"ws://127.0.0.1:{self.port}/live?ticket={ticket}"

    async def order(self, place: tuple[float, float] = EAST, address: str = "12 Harbour Road") -> str:
        """A new order that has reached its centre."""
        by = Actor("hotline", "holly")
        call = hotline.Call("phone", address, "meter", "lv", place=Point(*place))
        order_id = (await hotline.take_call(self.context, call, by=by)).order_id
        order = await hotline.send(self.context, order_id, by=by)
        await dispatcher.centre_received(self.context, order_id, centre_id=order.centre_id, send=1)
        return order_id

    async def close(self) -> None:
        """Every screen is closed."""
        await self._stack.aclose()


def person(username: str) -> Person:
    """Somebody of the small organisation."""
    name, role, centre, crew = next(p for p in PEOPLE if p[0] == username)
    return Person(name, name.title(), role, centre, crew)  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """The small organisation."""
    with installation(tmp_path) as found:
        yield found


@pytest.fixture
async def live(place: Installation) -> AsyncIterator[Live]:
    """The live server, nudged by every commit."""
    tickets = Tickets("a secret")
    server = LiveServer(Views(place.store, place.context), place.context, tickets)
    place.store._on_commit = server.nudge
    found = Live(place, server, tickets)
    async with server.serving("127.0.0.1", 0) as port:
        found.port = port
        yield found
        await found.close()
