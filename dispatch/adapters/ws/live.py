"""The live server: follows what is committed, and tells every screen what it may see (D9, D15)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from weakref import WeakKeyDictionary

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from dispatch.adapters.sql.people import people_of
from dispatch.adapters.sql.views import Views
from dispatch.adapters.ws.door import Door, Refused
from dispatch.adapters.ws.follow import Changes, Follower
from dispatch.adapters.ws.groups import Group
from dispatch.adapters.ws.positions import Fleet, Frame
from dispatch.adapters.ws.viewer import Viewer
from dispatch.clock import SystemClock
from dispatch.services.context import Context
from dispatch.services.people import Person, Scope
from dispatch.services.tickets import Guest, Tickets

log = logging.getLogger(__name__)
POLL = 0.5
"""Real seconds after which the database is looked at without a nudge: others commit too."""
AT_LEAST_APART = 0.05
TICK = 0.9
"""With the polls between, a page hears something every 1.1 s: it takes 1.8 s of silence for a cut (live.js)."""
POSITIONS = 1.0
DEAD_AFTER = 5.0
"""Real seconds until a ping is sent, and again as many without its answer until a screen counts as gone."""
KNOWN_STILL = 5.0
"""Real seconds between two looks whether those who watch are still signed in, as who they were."""
UNSENT = 65_536
"""Bytes that the system may keep for a screen before they are on their way: what is there gets old, what is here does not."""
VIEWERS = 2_000
LONGEST_MESSAGE = 4_096


class LiveServer:
    """`nudge` after commits, from any thread. `origins`: further ones that pages may come from."""

    def __init__(
        self, views: Views, context: Context, tickets: Tickets, origins: Collection[str] = ()
    ) -> None:
        self._views = views
        self._context = context
        self._tickets = tickets
        self._origins = origins
        self._follower = Follower(views, context)
        self._groups: dict[Scope, Group] = {}
        self._viewers: dict[Viewer, ServerConnection] = {}
        self._admitted: WeakKeyDictionary[ServerConnection, Guest] = WeakKeyDictionary()
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._door = Door(tickets, 0, origins)
        self._tasks: list[asyncio.Task[None]] = []
        self._server: Server | None = None
        self._ticked = self._checked = 0.0
        self._fleet = Fleet({}, {})
        self._fleet_of: tuple[object, object] = (None, None)
        self._frame: Frame | None = None
        self._framed = float("-inf")

    async def start(self, host: str, port: int, *, page_port: int | None = None) -> int:
        """Listen; returns the port. Pages are at the port before it, unless `page_port` says otherwise."""
        self._loop = asyncio.get_running_loop()
        page = (port - 1 if port else 0) if page_port is None else page_port
        self._door = Door(self._tickets, page, self._origins)
        await self._views.look(self._follower.begin)
        self._server = await serve(
            self._watch, host, port, process_request=self._admit, compression=None, server_header=None,
            max_size=LONGEST_MESSAGE, max_queue=4, ping_interval=DEAD_AFTER,
            ping_timeout=DEAD_AFTER, close_timeout=2,
        )  # fmt: skip
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._show_positions())]
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator[int]:
        """Listen while the block runs."""
        try:
            yield await self.start(host, port)
        finally:
            await self.stop()

    @property
    def screens(self) -> int:
        """How many are connected."""
        return len(self._viewers)

    def nudge(self) -> None:
        """Something was committed; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if len(self._viewers) >= VIEWERS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many screens\n")
        try:
            guest = self._door.admit(request)
            if (await self._signed_in([guest.session])).get(guest.session) != guest.person:
                raise Refused(HTTPStatus.UNAUTHORIZED, "sign in again")
            self._admitted[connection] = guest
        except Refused as refused:
            return connection.respond(refused.status, f"{refused.message}\n")
        return None

    async def _watch(self, connection: ServerConnection) -> None:
        """One screen, until it leaves."""

        async def send(message: bytes, text: bool) -> None:
            await connection.send(message, text=text)

        _keep_little(connection)
        viewer = Viewer(self._admitted[connection].person, send)
        group = self._groups.setdefault(viewer.scope, Group(viewer.scope, self._follower.seq))
        group.viewers.add(viewer)
        self._viewers[viewer] = connection
        self._changed.set()
        writer = asyncio.create_task(viewer.write(self._changed.set))
        try:
            await self._listen(connection, viewer, group)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            del self._viewers[viewer]
            group.viewers.discard(viewer)
            if not group.viewers and self._groups.get(viewer.scope) is group:
                del self._groups[viewer.scope]

    async def _listen(self, connection: ServerConnection, viewer: Viewer, group: Group) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                try:
                    if viewer.hear(message):  # what comes into view does not wait for the next second
                        group.show(viewer, *self._newest())
                except msgspec.DecodeError:
                    await connection.close(1007, "not a message")
                    return
                if viewer.wants_board:
                    self._changed.set()

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self._look()
            except Exception:
                log.exception("the live feed could not read what changed; it tries again")
                await asyncio.sleep(POLL)
            await asyncio.sleep(AT_LEAST_APART)

    async def _look(self) -> None:
        """One look: tell what changed, give boards, give a sign of life."""
        changes = await self._views.look(self._follower.read)
        if changes.more:
            self._changed.set()
        self._tell(changes)
        now = SystemClock.monotonic()
        await self._give_boards(now)
        if now >= self._ticked + TICK:
            self._ticked = now
            for group in self._groups.values():
                group.tick(self._context.clock.now())
        if now >= self._checked + KNOWN_STILL:
            self._checked = now
            await self._part_with_strangers()

    def _tell(self, changes: Changes) -> None:
        shown = {order.id: self._views.show(order) for order in changes.orders}
        now = self._context.clock.now()
        for group in self._groups.values():
            group.tell(changes, shown, self._context, now)
            if changes.renewed:
                for viewer in group.viewers:
                    viewer.wants_board = True

    async def _give_boards(self, now: float) -> None:
        for group in list(self._groups.values()):
            waiting = [viewer for viewer in group.viewers if viewer.may_have_board(now)]
            if waiting:
                frame = group.board(await self._views.board(group.scope))
                for viewer in waiting:
                    viewer.seat(frame, now)

    async def _part_with_strangers(self) -> None:
        """Whoever signed out, was disabled, or has another role or centre now, has to come in anew."""
        watching = [  # who comes in meanwhile was known a moment ago
            (viewer, connection, self._admitted[connection].session)
            for viewer, connection in self._viewers.items()
        ]
        known = await self._signed_in({session for *_, session in watching}) if watching else {}
        for viewer, connection, session in watching:
            if known.get(session) != viewer.person:
                await connection.close(1008, "sign in again")

    async def _signed_in(self, sessions: Collection[str]) -> dict[str, Person]:
        return await self._views.look(lambda c: people_of(c, sessions, SystemClock().now()))

    async def _show_positions(self) -> None:
        """Each second, whatever the one before took; a machine that is too slow for that still rests in between."""
        turn = SystemClock.monotonic()
        while True:
            turn = max(turn + POSITIONS, SystemClock.monotonic() + POSITIONS / 2)
            await asyncio.sleep(turn - SystemClock.monotonic())
            try:
                self._positions()
            except Exception:
                log.exception("positions could not be shown; the next second tries again")

    def _positions(self) -> None:
        """One frame for all; each group has its part, each viewer its view."""
        if not self._viewers:
            return
        self._framed = float("-inf")
        newest = self._newest()
        for group in self._groups.values():
            group.positions(*newest)

    def _newest(self) -> tuple[Fleet, Frame]:
        """The vehicles of this second."""
        now = SystemClock.monotonic()
        if self._frame is None or now >= self._framed + POSITIONS:
            shown = (self._follower.crews, self._context.directory.crews)
            if any(a is not b for a, b in zip(shown, self._fleet_of, strict=True)):
                self._fleet_of, self._fleet = shown, Fleet(*shown)
            self._framed = now
            self._frame = self._fleet.frame(self._context.fixes, self._context.clock.now().timestamp())
        return self._fleet, self._frame


def _keep_little(connection: ServerConnection) -> None:
    """Let a slow line be felt here soon: else megabytes of old positions wait in the system's buffer."""
    plug = connection.transport.get_extra_info("socket")
    if plug is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
