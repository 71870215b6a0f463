"""The simulated telephone exchange as an HTTP service, and the command that runs it.

| request | answer |
|---|---|
| `POST /calls` `{call_id, number, language, prompt, callback_url, ring_seconds}` | 201, again 200: `{call_id, state}` |
| `GET /calls/{call_id}` | the call with its states |
| `DELETE /calls/{call_id}` | hangs up; the call |
| `PUT /numbers/{number}` `{behaviour, answer_after, key_after}` | 204 |
| `GET /log` | `{"calls": [...]}`: every call, every state, what became of each callback |
| `GET /healthz` | 200 without a token |

Every other request shows `Authorization: Bearer <token(secret)>`. Times are ISO 8601, UTC, on the
installation's clock; `answer_after` and `key_after` are its seconds.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import click
import httpx
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatch.clock import clock_from
from dispatch.core.errors import BadInput, Conflict, DispatchError, Forbidden, NotFound, Unavailable
from dispatch.settings import Settings, from_environment
from simulators.behaviour import OWN_FILE, PhoneHabit
from simulators.exchange import CallRequest, Exchange, Habit
from simulators.people import People
from simulators.phone_callbacks import Callbacks, token
from simulators.phone_log import PhoneLog
from simulators.phone_service import PhoneService

T = TypeVar("T", bound=msgspec.Struct)

Endpoint = Callable[[Request], Awaitable[Response]]

STATUS: dict[type[DispatchError], int] = {BadInput: 422, Forbidden: 401, NotFound: 404, Conflict: 409}


class HabitRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `PUT /numbers/{number}`; seconds on the installation's clock."""

    behaviour: PhoneHabit
    answer_after: float = 5.0
    key_after: float = 5.0


def application(service: PhoneService, secret: str) -> Starlette:
    """The exchange's HTTP interface; runs `service` while it stands."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(service.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await service.close()

    return Starlette(routes=_routes(_Endpoints(service), f"Bearer {token(secret)}"), lifespan=lifespan)


def _routes(ends: _Endpoints, bearer: str) -> list[Route]:
    def guarded(endpoint: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                if not hmac.compare_digest(
                    request.headers.get("authorization", "").encode(), bearer.encode()
                ):
                    raise Forbidden("this exchange wants its bearer token")
                return await endpoint(request)
            except DispatchError as error:
                return _json({"code": error.code, "message": error.message}, STATUS[type(error)])

        return answer

    return [
        Route("/calls", guarded(ends.dial), methods=["POST"]),
        Route("/calls/{call_id}", guarded(ends.show), methods=["GET"]),
        Route("/calls/{call_id}", guarded(ends.hang_up), methods=["DELETE"]),
        Route("/numbers/{number}", guarded(ends.set_habit), methods=["PUT"]),
        Route("/log", guarded(ends.log), methods=["GET"]),
        Route("/healthz", ends.healthy, methods=["GET"]),
    ]


class _Endpoints:
    """One method a route."""

    def __init__(self, service: PhoneService) -> None:
        self._service = service

    async def dial(self, request: Request) -> Response:
        call, new = self._service.dial(_body(await request.body(), CallRequest))
        return _json({"call_id": call.request.call_id, "state": call.state}, 201 if new else 200)

    async def show(self, request: Request) -> Response:
        return _json(self._service.describe(self._service.exchange.call(request.path_params["call_id"])))

    async def hang_up(self, request: Request) -> Response:
        return _json(self._service.describe(self._service.hang_up(request.path_params["call_id"])))

    async def set_habit(self, request: Request) -> Response:
        wanted = _body(await request.body(), HabitRequest)
        habit = Habit(wanted.behaviour, wanted.answer_after, wanted.key_after)
        self._service.exchange.habits[request.path_params["number"]] = habit
        return Response(status_code=204)

    async def log(self, _: Request) -> Response:
        calls = self._service.exchange.calls.values()
        return _json({"calls": [self._service.describe(call) for call in calls]})

    async def healthy(self, _: Request) -> Response:
        return _json({"status": "ok"})


def _body(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise BadInput(str(error)) from None


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def phone_service(settings: Settings, secret: str, seed: int, behaviour: Path) -> PhoneService:
    """The exchange of an installation, going on where its log ends."""
    try:
        clock = clock_from(settings.clock, mark=settings.time_mark)
    except ValueError as error:
        raise BadInput(str(error)) from None
    exchange = Exchange(People(seed, behaviour))
    log = PhoneLog(settings.data / "phones" / "log.jsonl")
    client = httpx.AsyncClient(timeout=5.0, trust_env=False)
    return PhoneService(exchange, clock, log, lambda tell: Callbacks(secret, client, tell))


@click.command()
@click.option("--seed", default=1, show_default=True, help="Draws what numbers without a habit do.")
@click.option(
    "--behaviour",
    type=click.Path(path_type=Path, dir_okay=False),
    default=OWN_FILE,
    envvar="DISPATCH45_PHONES",
    help="Shares and delays (TOML); the shipped ones where left out.",
)
def exchange(seed: int, behaviour: Path) -> None:
    """Run the simulated telephone exchange of the demonstration."""
    settings = from_environment()
    secret = _secret(settings)
    asyncio.run(_serve(settings, secret, seed, behaviour))


async def _serve(settings: Settings, secret: str, seed: int, behaviour: Path) -> None:
    try:
        listener = socket.create_server((settings.host, settings.phone_port))
    except OSError as error:
        where = f"{settings.host}:{settings.phone_port}"
        raise Unavailable(f"the telephone exchange cannot listen on {where}: {error.strerror}") from None
    app = application(phone_service(settings, secret, seed, behaviour), secret)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2)
    await uvicorn.Server(config).serve(sockets=[listener])


def _secret(settings: Settings) -> str:
    kept = settings.data / "secret"
    secret = settings.secret or (kept.read_text("utf-8").strip() if kept.exists() else "")
    if not secret:
        raise BadInput(f"no secret: set DISPATCH45_SECRET, or start the centre once so that {kept} is made")
    return secret
