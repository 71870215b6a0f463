"""The telephone process's two sides to the centre: a REST interface that takes calls, and signed callbacks.

| request | answer |
|---|---|
| `POST /calls` `{call_id, number, language, prompt, callback_url}` | 201, again 200: `{call_id, state}`; 503 with `message` where it can be asked for again |
| `GET /calls/{call_id}` | the call with its states |
| `DELETE /calls/{call_id}` | hangs up; the call |
| `POST /calls/{call_id}/states` `{state, digit, sid}` | what a provider has told the centre of its call `sid`; the call |
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
"""Real seconds between tries to tell the centre of a call: doubled each time."""
TRIES, REFUSALS = 200, 6
"""After so many (some 15 minutes) the centre has long called the attempt failed; after so many refusals of a report as
bad input (some 6 s) it will not be taken any more."""
NOT_NOW = {401, 403, 408, 425, 429}
"""Refusals that are not about the report."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Wanted(msgspec.Struct, frozen=True):
    """Body of `POST /calls`."""

    call_id: str
    number: str
    prompt: str
    language: str = "zh-CN"
    callback_url: str = ""


class Heard(msgspec.Struct, frozen=True):
    """Body of `POST /calls/{call_id}/states`."""

    state: str
    digit: str = ""
    sid: str = ""


class Teller:
    """Tells the centre what the book holds and it does not know: in the order of each call, no call waits for another."""

    def __init__(self, book: Book, secret: str, client: httpx.AsyncClient) -> None:
        self._book, self._secret, self._client = book, secret, client
        self._telling: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                end_if_cancelled()
                self._book.news.clear()
                for call in self._book.untold():
                    if call.id not in self._telling:
                        self._telling.add(call.id)
                        group.create_task(self._tell_all(call))
                await self._book.news.wait()

    async def _tell_all(self, call: Call) -> None:
        """All reports of a call, also those that come meanwhile."""
        tries, pause = 0, FIRST_PAUSE
        while call.told < len(call.reports):
            end_if_cancelled()
            tries += 1
            if await self._tell(call, tries):
                self._book.told(call)
                tries, pause = 0, FIRST_PAUSE
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        self._telling.discard(call.id)

    async def _tell(self, call: Call, tries: int) -> bool:
        """The oldest report of a call, for the so many-th time; whether it is dealt with."""
        report = call.reports[call.told]
        body = msgspec.json.encode(report)
        digest = hmac.new(self._secret.encode(), body, sha256).hexdigest()
        headers = {SIGNATURE: digest, "Content-Type": "application/json"}
        if not call.callback:
            return True
        status = 0
        try:
            status = (await self._client.post(call.callback, content=body, headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.info("the centre does not answer: %r", error)
        refused = 400 <= status < 500 and status not in NOT_NOW
        given_up = tries >= (REFUSALS if refused else TRIES)
        if given_up:
            log.error(
                "the centre was not told of call %s %s: %s", call.id, report.state, status or "no answer"
            )
        return given_up or 200 <= status < 300


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

    async def heard(request: Request) -> Response:
        told = msgspec.json.decode(await request.body(), type=Heard)
        call = book.calls.get(request.path_params["call_id"])
        if call is not None:
            book.heard(call, told.state, told.digit, told.sid)
        return await show(request)

    async def healthy(_: Request) -> Response:
        well, words = telephone.state()
        return _json({"status": "ok" if well else "down", "reason": words}, 200 if well else 503)

    return Starlette(
        routes=[
            Route("/calls", guarded(dial), methods=["POST"]),
            Route("/calls/{call_id}", guarded(show), methods=["GET"]),
            Route("/calls/{call_id}", guarded(hang_up), methods=["DELETE"]),
            Route("/calls/{call_id}/states", guarded(heard), methods=["POST"]),
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
    return {
        "call_id": call.id, "number": call.number, "language": call.language, "prompt": call.prompt,
        "state": call.state, "states": states,
    }  # fmt: skip


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
