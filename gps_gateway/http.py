"""Devices that report by HTTP: one bounded raw route on uvicorn (D15), answered after the durable append."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import uvicorn
from redis.exceptions import RedisError

from dispatch.clock import Clock
from dispatch.messages import DeviceState
from gps_gateway.codec import Frame, Rejected, Report, Status
from gps_gateway.house import Counts, keep
from gps_gateway.protocols import Web
from gps_gateway.publisher import Publisher
from gps_gateway.seen import LONGEST
from gps_gateway.store import Store
from gps_gateway.tls import Certificate
from gps_gateway.window import Window

MAX_BODY = 64 * 1024
MAX_REQUESTS = 2000
"""At once; uvicorn answers 503 to those beyond."""

PATIENCE = 5.0
"""Real seconds that a request waits for its position to be durable."""

SILENCE = 600.0
"""Seconds after which a phone that says nothing counts as gone."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


Application = Callable[[Message, Receive, Send], Awaitable[None]]


class House(Protocol):
    """What the route needs of its gateway."""

    clock: Clock
    name: str
    store: Store
    publisher: Publisher
    window: Window

    def counted(self, protocol: str) -> Counts:
        """The counts of one protocol."""
        ...


class Route:
    """An ASGI application that knows one thing: a request is a report."""

    def __init__(self, house: House, name: str, protocol: Web) -> None:
        self._house = house
        self._name = name
        self._protocol = protocol
        self._counts = house.counted(name)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            body = await _body(receive)
        except _Cut:
            self._counts.frames += 1
            self._counts.reject("incomplete")
            return
        status, text = (
            (413, f"more than {MAX_BODY} bytes") if body is None else await self._answer(scope, body)
        )
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    async def _answer(self, scope: Message, body: bytes) -> tuple[int, str]:
        self._counts.frames += 1
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        event = self._protocol.parse(scope["query_string"].decode("latin-1"), headers, body)
        if not isinstance(event, Rejected):
            client = scope.get("client")
            raw = scope["query_string"] + b" " + body
            return await self._take(event, str(client[0]) if client else "", raw)
        self._counts.reject(event.reason.partition(":")[0])
        return 400, event.reason

    async def _take(self, event: Frame, address: str, raw: bytes) -> tuple[int, str]:
        """What says nothing to keep is taken as a codec's connection takes it: it needs no place in the stream."""
        now = self._house.clock.now().timestamp()
        try:
            if not await self._house.store.known(event.device):
                self._counts.refused += 1
                heard = (now, raw[:LONGEST], False)
                self._house.window.stranger(event.device, address, self._name, "unknown device", [heard])
                return 404, f"device {event.device} is not registered"
        except (RedisError, OSError):
            return self._withheld()
        if isinstance(event, Report | Status) and not await self._stored(event):
            return self._withheld()
        if isinstance(event, Report):
            fix_time = max((fix.time for fix in event.fixes if fix.time is not None), default=now)
            state = DeviceState(
                event.device,
                True,
                self._name,
                address,
                self._house.name,
                now,
                now,
                fix_time,
                until=now + SILENCE,
            )
            self._house.window.went(state)
        return 200, self._protocol.thanks

    async def _stored(self, event: Report | Status) -> bool:
        """True only when it is durable. A phone that is told otherwise sends it again."""
        done = asyncio.Event()
        if not keep(self._house, event, self._name, done.set):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        return done.is_set()

    def _withheld(self) -> tuple[int, str]:
        self._counts.withheld += 1
        return 503, "cannot be stored now, send it again"


class _Cut(Exception):
    """The connection was lost in the middle of a body: what came may be a beginning of a number."""


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is longer than MAX_BODY. Raises _Cut."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Cut
        piece: bytes = message.get("body", b"")
        body += piece
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body"):
            return body


class _Server(uvicorn.Server):
    """Leaves signals to the process that it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Endpoint:
    """One HTTP port."""

    def __init__(
        self,
        application: Application,
        host: str,
        port: int,
        *,
        certificate: Certificate | None = None,
        shared: bool = False,
    ) -> None:
        config = uvicorn.Config(
            application,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            limit_concurrency=MAX_REQUESTS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
            server_header=False,
            ssl_certfile=certificate.chain if certificate else None,
            ssl_keyfile=certificate.key if certificate else None,
        )
        self._server = _Server(config)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=1024, reuse_port=shared)
        self.port: int = self._socket.getsockname()[1]

    async def run(self) -> None:
        """Serve until `close`."""
        await self._server.serve(sockets=[self._socket])

    def close(self) -> None:
        """Let `run` answer what it has, and end."""
        self._server.should_exit = True
