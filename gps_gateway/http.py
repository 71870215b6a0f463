"""Devices that report by HTTP: one bounded raw route on uvicorn (D15), answered after the durable append."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import uvicorn
from redis.exceptions import RedisError

from dispatch.clock import Clock, SystemClock
from dispatch.messages import SeenFrame
from gps_gateway.codec import Event, Frame, Rejected, Report, Status
from gps_gateway.failing import failed
from gps_gateway.house import Counts, keep
from gps_gateway.phones import device_of, reason
from gps_gateway.protocols import Web
from gps_gateway.publisher import Publisher
from gps_gateway.redaction import hidden
from gps_gateway.seen import LONGEST, meaning
from gps_gateway.store import Store
from gps_gateway.tls import Certificate
from gps_gateway.window import Window

MAX_BODY = 64 * 1024
MAX_REQUESTS = 2000
"""At once; uvicorn answers 503 to those beyond."""

PATIENCE = 5.0
"""Real seconds that a request waits for its position to be durable."""

SILENCE = 30.0
"""Real seconds after which, and after twice as many at the latest, a connection without a new request is hung up."""

SHOWN_HEADERS = ("content-type", "x-limit-u", "x-limit-d", "user-agent")
"""All others may carry secrets."""

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
        if body is None:
            self._counts.frames += 1
            self._counts.reject("too long")
            status, text = 413, f"more than {MAX_BODY} bytes"
        else:
            status, text = await self._answer(scope, body)
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text.encode()})

    async def _answer(self, scope: Message, body: bytes) -> tuple[int, str]:
        self._counts.frames += 1
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        event = self._parsed(scope["query_string"].decode("latin-1"), headers, body)
        client = scope.get("client")
        address = str(client[0]) if client else ""
        raw = _shown(scope, headers, body)
        if isinstance(event, Rejected):
            self._counts.reject(reason(event))
        try:
            refusal = await self._house.store.refusal(device_of(event), self._name)
        except (RedisError, OSError):
            return (400, event.reason) if isinstance(event, Rejected) else self._withheld()
        if refusal:
            return self._refused(event, refusal, address, raw)
        heard = SeenFrame(self._now(), raw, False, meaning((event,)))
        status, text = (400, event.reason) if isinstance(event, Rejected) else await self._take(event)
        answer = SeenFrame(self._now(), f"{status} {text}".encode()[:LONGEST], True)
        phones, device = self._house.window.phones, device_of(event)
        phones.took(device, self._name, address, event, (heard, answer), kept=status == 200)
        return status, text

    def _parsed(self, query: str, headers: Mapping[str, str], body: bytes) -> Event:
        try:
            return self._protocol.parse(query, headers, body)
        except Exception:
            return failed(self._name, "", hidden(query).encode() + b" " + hidden(_text(body)).encode())

    def _refused(self, event: Event, refusal: str, address: str, raw: bytes) -> tuple[int, str]:
        if not isinstance(event, Rejected):
            self._counts.refuse(refusal)
        self._house.window.phones.refused(event, refusal, self._name, address, raw)
        if isinstance(event, Rejected):
            return 400, event.reason
        if refusal == "wrong protocol":
            return 403, f"device {event.device} is registered with another protocol"
        return 404, f"device {event.device} is not registered"

    async def _take(self, event: Frame) -> tuple[int, str]:
        """What says nothing to keep is taken as a codec's connection takes it: it needs no place in the stream."""
        if isinstance(event, Report | Status) and not await self._stored(event):
            return self._withheld()
        return 200, self._protocol.thanks

    def _now(self) -> float:
        return self._house.clock.now().timestamp()

    async def _stored(self, event: Report | Status) -> bool:
        """True only when it is durable. A phone that is told otherwise sends it again."""
        done = asyncio.Event()
        if not keep(self._house, event, self._name, lambda _: done.set()):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        return done.is_set()

    def _withheld(self) -> tuple[int, str]:
        self._counts.withheld += 1
        return 503, "cannot be stored now, send it again"


def _shown(scope: Message, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request as people may see it: its first line, the headers that say who and what, its body; no secrets."""
    said = scope["query_string"].decode("latin-1")
    first = f"{scope['method']} {scope['path'][:100]}{'?' if said else ''}{said}"
    named = [f"{name}: {headers[name][:100]}" for name in SHOWN_HEADERS if name in headers]
    text = "\n".join([hidden(first), *named, *([hidden(_text(body))] if body else [])])
    return text.encode("latin-1", "replace")[:LONGEST]


def _text(body: bytes) -> str:
    """Bytes as they are, one character each."""
    return body[: 2 * LONGEST].decode("latin-1")


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
        watching = asyncio.create_task(self._hang_up_silent())
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            watching.cancel()

    async def _hang_up_silent(self) -> None:
        """The server's own limit begins with a connection's first answer: who never ends a request would keep one of the
        MAX_REQUESTS places for ever."""
        before: dict[Any, Any] = {}
        while True:
            await SystemClock().sleep(SILENCE)
            there: set[Any] = {*self._server.server_state.connections}
            now = {one: one.cycle for one in there}  # httptools and h11 both name the latest request so
            for connection, request in now.items():
                if connection in before and before[connection] is request:
                    connection.transport.close()
            before = now

    def close(self) -> None:
        """Let `run` answer what it has, and end."""
        self._server.should_exit = True
