"""The telephone process's two sides to the centre: a REST interface that takes calls, and signed callbacks.

| request | answer |
|---|---|
| `POST /calls` `{call_id, number, language, prompt, callback_url}` | 201, again 200: `{call_id, state}`; 503 with `message` where it can be asked for again |
| `GET /calls/{call_id}` | the call with its states |
| `DELETE /calls/{call_id}` | hangs up; the call |
| `GET /healthz` | 200 or 503 `{status, reason}`, without a token |

It is the interface of the demonstration's exchange, so that the centre knows one (phone_rest.py). What cannot be told
to the centre now is told later, in the order of each call, also by the process that is started after this one.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from hashlib import sha256

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatch.adapters.channels.phone import Telephone
from dispatch.adapters.channels.phone_book import Book, Call
from dispatch.adapters.channels.phone_rest import token
from dispatch.core.errors import Unavailable
from dispatch.ending import end_if_cancelled

log = logging.getLogger(__name__)
SIGNATURE = "X-Dispatch45-Signature"
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Real seconds between tries to tell the centre: doubled each time."""
TRIES = 200
"""After so many (some 15 minutes) the centre has long called the attempt failed."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Wanted(msgspec.Struct, frozen=True):
    """Body of `POST /calls`."""

    call_id: str
    number: str
    prompt: str
    language: str = "zh-CN"
    callback_url: str = ""


class Teller:
    """Tells the centre what the book holds and it does not know."""

    def __init__(self, book: Book, secret: str, client: httpx.AsyncClient) -> None:
        self._book, self._secret, self._client = book, secret, client
        self._tries: dict[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        pause = FIRST_PAUSE
        while True:
            end_if_cancelled()
            self._book.news.clear()
            done = await asyncio.gather(*(self._tell(call) for call in self._book.untold()))
            if not done:
                await self._book.news.wait()
            elif all(done):
                pause = FIRST_PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _tell(self, call: Call) -> bool:
        """The oldest report of a call; whether it is dealt with."""
        report = call.reports[call.told]
        body = msgspec.json.encode(report)
        digest = hmac.new(self._secret.encode(), body, sha256).hexdigest()
        headers = {SIGNATURE: digest, "Content-Type": "application/json"}
        status = 0
        if call.callback:
            try:
                status = (await self._client.post(call.callback, content=body, headers=headers)).status_code
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                log.info("the centre does not answer: %r", error)
        tries = self._tries[call.id] = self._tries.get(call.id, 0) + 1
        given_up = tries >= TRIES or status in {400, 404, 422}
        if given_up:
            log.error(
                "the centre was not told of call %s %s: %s", call.id, report.state, status or "no answer"
            )
        if not (given_up or 200 <= status < 300 or not call.callback):
            return False
        self._tries.pop(call.id, None)
        self._book.told(call)
        return True


def application(telephone: Telephone, book: Book, secret: str) -> Starlette:
    """The REST interface."""
    bearer = f"Bearer {token(secret)}".encode()

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def answer(request: Request) -> Response:
            if not hmac.compare_digest(request.headers.get("authorization", "").encode(), bearer):
                return _json({"message": "this telephone wants its bearer token"}, 401)
            try:
                return await endpoint(request)
            except Unavailable as error:
                return _json({"message": error.message}, 503)
            except msgspec.DecodeError as error:
                return _json({"message": str(error)}, 422)

        return answer

    async def dial(request: Request) -> Response:
        wanted = msgspec.json.decode(await request.body(), type=Wanted)
        known = wanted.call_id in book.calls
        if not known:
            book.expect(wanted.call_id, wanted.callback_url)
        await telephone.ring(wanted.call_id, wanted.number, wanted.language, wanted.prompt)
        return _json(
            {"call_id": wanted.call_id, "state": book.calls[wanted.call_id].state}, 200 if known else 201
        )

    async def show(request: Request) -> Response:
        call = book.calls.get(request.path_params["call_id"])
        return _json({"message": "no such call"}, 404) if call is None else _json(described(call))

    async def hang_up(request: Request) -> Response:
        if request.path_params["call_id"] in book.calls:
            await telephone.hang_up(request.path_params["call_id"])
        return await show(request)

    async def healthy(_: Request) -> Response:
        well, words = telephone.state()
        return _json({"status": "ok" if well else "down", "reason": words}, 200 if well else 503)

    return Starlette(
        routes=[
            Route("/calls", guarded(dial), methods=["POST"]),
            Route("/calls/{call_id}", guarded(show), methods=["GET"]),
            Route("/calls/{call_id}", guarded(hang_up), methods=["DELETE"]),
            Route("/healthz", healthy, methods=["GET"]),
        ]
    )


def described(call: Call) -> dict[str, object]:
    """A call as it is shown."""
    states = [
        {"seq": r.seq, "state": r.state, "digit": r.digit, "at": r.at, "why": r.why,
         "callback": "delivered" if n < call.told else "pending"}
        for n, r in enumerate(call.reports)
    ]  # fmt: skip
    return {"call_id": call.id, "number": call.number, "state": call.state, "states": states}


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
