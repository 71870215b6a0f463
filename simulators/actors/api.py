"""One signed-in person at the HTTP interface (docs/http-api.md), patient where the program is being restarted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from dispatch.clock import SystemClock

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Real seconds between two tries while nobody answers."""
PATIENCE = {"connect": 3.0, "read": 15.0, "write": 5.0, "pool": 30.0}
BROKEN_TRIES = 3
"""Tries of a request that the program answers with an error of its own."""
PASSING = {429, 502, 503, 504}


class Refused(Exception):
    """The program said no. `code` is stable, `facts` say why."""

    def __init__(self, status: int, code: str, message: str, facts: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.facts = status, code, message, facts


class _Problem(msgspec.Struct):
    code: str = "unknown"
    message: str = ""
    facts: dict[str, Any] = {}


class _Failure(msgspec.Struct):
    error: _Problem


class Wire:
    """The connections that all people of one process share; cookies are each person's own."""

    def __init__(self, address: str) -> None:
        self.address = address
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        self._transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False, limits=limits)

    async def send(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, str]:
        """Status, body and Set-Cookie. Raises httpx.TransportError where nobody answers."""
        request = httpx.Request(
            method, self.address + path, headers=headers, content=body, extensions={"timeout": PATIENCE}
        )
        response = await self._transport.handle_async_request(request)
        try:
            content = await response.aread()
        finally:
            await response.aclose()
        return response.status_code, content, response.headers.get("set-cookie", "")

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.aclose()


class Jar:
    """Everybody's cookies, kept as a browser keeps them: signing in costs the program a password check each."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._cookies: dict[str, str] = {}
        if file is not None and file.exists():
            with suppress(OSError, msgspec.DecodeError):
                self._cookies = msgspec.json.decode(file.read_bytes(), type=dict[str, str])

    def get(self, username: str) -> str:
        """The cookie of this person, or nothing."""
        return self._cookies.get(username, "")

    def put(self, username: str, cookie: str) -> None:
        """Keep it, readable by the owner only; nothing: forget it."""
        self._cookies[username] = cookie
        if self._file is not None:
            part = self._file.with_suffix(".part")
            part.touch(mode=0o600)
            part.write_bytes(msgspec.json.encode(self._cookies))
            part.replace(self._file)


class Person:
    """Somebody with a name and a password, who signs in when it is needed and again when it is."""

    def __init__(self, wire: Wire, username: str, password: str, jar: Jar | None = None) -> None:
        self.username = username
        self._wire, self._password = wire, password
        self._jar = jar or Jar()

    async def get(self, path: str, kind: type[T]) -> T:
        """Read. Raises Refused; waits where nobody answers."""
        return msgspec.json.decode(await self._ask("GET", path, b"", ""), type=kind)

    async def post(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> bytes:
        """Do. With a `key` a repetition is harmless. Raises Refused; waits where nobody answers."""
        return await self._ask("POST", path, msgspec.json.encode(body or {}), key)

    async def _ask(self, method: str, path: str, body: bytes, key: str) -> bytes:
        pause, broken = FIRST_PAUSE, 0
        while True:
            try:
                status, content = await self._once(method, path, body, key)
            except httpx.TransportError:
                status, content = 503, b""
            if status < 300:
                return content
            if status == 500:
                broken += 1
            if status not in PASSING and (status != 500 or broken >= BROKEN_TRIES):
                raise _refusal(status, content)
            await SystemClock().sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _once(self, method: str, path: str, body: bytes, key: str) -> tuple[int, bytes]:
        if not self._jar.get(self.username):
            signed_in, content = await self._sign_in()
            if signed_in >= 300:
                return signed_in, content
        headers = {"Cookie": self._jar.get(self.username), **({"Idempotency-Key": key} if key else {})}
        status, content, _ = await self._wire.send(method, path, _json(headers, body), body)
        if status == 401:
            self._jar.put(self.username, "")
            return 503, content  # the session has ended: sign in again at the next try
        return status, content

    async def _sign_in(self) -> tuple[int, bytes]:
        body = msgspec.json.encode({"username": self.username, "password": self._password})
        status, content, cookie = await self._wire.send("POST", "/api/session", _json({}, body), body)
        if status < 300:
            self._jar.put(self.username, cookie.partition(";")[0])
        return status, content


def _json(headers: dict[str, str], body: bytes) -> dict[str, str]:
    return {**headers, "Content-Type": "application/json"} if body else headers


def _refusal(status: int, content: bytes) -> Refused:
    try:
        problem = msgspec.json.decode(content, type=_Failure).error
    except msgspec.DecodeError:
        problem = _Problem(message=content[:200].decode("utf-8", "replace"))
    return Refused(status, problem.code, problem.message, problem.facts)
