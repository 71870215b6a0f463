"""The small organisation behind its real HTTP interface, live feed and pages, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from dispatch.adapters.http.app import HttpServices, create_app
from dispatch.adapters.photo_files import PhotoFiles
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.call_desk import SqlDesk
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.gazetteer import SqlGazetteer
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.tracks import SqlTracks
from dispatch.adapters.sql.views import Views
from dispatch.adapters.ws.live import LiveServer
from dispatch.services.dispatcher import centre_received
from dispatch.services.tickets import Tickets
from dispatch.settings import Settings
from map_ui.install import install
from tests.dispatch.organisation import HASHER, Installation, NearInMemory, installation
from tests.dispatch.shown_devices import ShownDevices
from tests.dispatch.ws.line import Line

T = TypeVar("T")
HOST = "127.0.0.1"
STEP = 0.2


class Served:
    """A running installation that a browser can visit; time passes as on the wall."""

    def __init__(self, place: Installation, door: socket.socket | None = None, **chosen: Any) -> None:
        """At a port of the system's choice, or where `door` listens."""
        self.place = place
        self._chosen = chosen
        self.loop = asyncio.new_event_loop()
        self._socket = door.dup() if door else socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self.address = f"http://{HOST}:{self.port}"
        self.devices = ShownDevices()
        self._tickets = Tickets("secret of the tests")
        self._views = Views(place.store, place.context)
        self._live: LiveServer | None = None
        self._live_port = 0
        self._line: Line | None = None
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._answers = asyncio.Event()
        self._answers.set()
        self._takes = 0.0

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        """Listen no more."""
        assert self._server is not None
        self.answer()
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something where the installation runs."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def fall_silent(self) -> None:
        """Nobody is answered any more and nobody is told: what is asked stays on the way, its connection open."""
        self.loop.call_soon_threadsafe(self._answers.clear)

    def answer(self, after: float = 0.0) -> None:
        """Whoever waits is answered, and everybody from now on: `after` so many seconds."""
        self._takes = after
        self.loop.call_soon_threadsafe(self._answers.set)

    def cut_live_feed(self) -> None:
        """The live feed breaks off."""
        assert self._live is not None
        self.do(self._live.stop())

    def restore_live_feed(self) -> None:
        """It is there again, at the same port."""
        self.do(self._open_live())

    @property
    def line(self) -> Line:
        """What the live feed goes through."""
        assert self._line is not None
        return self._line

    def centre_receives(self, order_id: str) -> None:
        """What the worker does with an order that was sent."""
        order = self.order(order_id)
        self.do(centre_received(self.place.context, order_id, centre_id=order.centre_id, send=order.sends))

    def order(self, order_id: str) -> Any:
        """An order as it stands."""
        return self.do(self._views.order(order_id))

    def measure(self) -> None:
        """What the worker does for the manager's figures."""
        self.do(DaySheets(self.place.store, self.place.context).catch_up())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        await self._open_live()
        context, store = self.place.context, self.place.store
        services = HttpServices(
            context=context, views=self._views, histories=SqlHistories(store, context),
            people=SqlPeople(store, hasher=HASHER), tickets=self._tickets,
            administration=SqlAdministration(store, context), tracks=SqlTracks(store), photos=PhotoFiles(self.place.folder / "photos"), devices=self.devices,
            shortages=SqlShortages(store), saved=SqlSavedViews(store),
            gazetteer=SqlGazetteer(store), call_desk=SqlDesk(store),
            near=NearInMemory(context), health=_healthy, secret="secret",
            live_port=self.line.port,
        )  # fmt: skip
        app = create_app(services)
        install(app, services, Settings(port=self.port, **self._chosen))
        config = uvicorn.Config(
            self._held(app), log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        passing = asyncio.create_task(self._pass_time())
        self._ready.set()
        await self._server.serve(sockets=[self._socket])
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
        await self.line.cut()
        if self._live is not None:
            await self._live.stop()

    def _held(self, app: Any) -> Any:
        async def answered(scope: Any, receive: Any, send: Any) -> None:
            await self._answers.wait()
            await asyncio.sleep(self._takes)
            await app(scope, receive, send)

        return answered

    async def _open_live(self) -> None:
        self._live = LiveServer(self._views, self.place.context, self._tickets)
        self._live_port = await self._live.start(HOST, self._live_port, page_port=self.port)
        if self._line is None:
            self._line = Line(self._live_port)
            await self._line.restore()

    async def _pass_time(self) -> None:
        before = self.loop.time()
        while True:
            await asyncio.sleep(STEP)
            now = self.loop.time()
            self.place.clock.advance(now - before)
            before = now


async def _healthy() -> dict[str, Any]:
    return {"status": "ok", "parts": {"sql": {"state": "ok", "reason": ""}}}


@contextmanager
def served(folder: Path, door: socket.socket | None = None, **chosen: Any) -> Iterator[Served]:
    """A running installation, with settings of one's choice."""
    with installation(folder) as place:
        found = Served(place, door, **chosen)
        for crew, lon in (("E1", 120.04), ("E2", 120.06), ("W1", 119.95)):
            place.put_fix(crew, 30.05, lon)
        found.start()
        try:
            yield found
        finally:
            found.stop()
