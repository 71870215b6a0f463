"""In front of every request: its origin, its type and its size; and the headers of every answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatch.adapters.http.access import COOKIE, services_of
from dispatch.adapters.http.errors import STATUS, error
from dispatch.core.errors import Unavailable

SAFE = {"GET", "HEAD", "OPTIONS"}
MEGABYTE = 1024 * 1024
LARGEST = MEGABYTE // 4
LARGEST_FILE = 16 * MEGABYTE
"""Organisation files and territories, of administrators only: a megabyte of JSON holds up everybody while it is read."""
FILES = "/api/admin/"
UNCACHED = ("/api/", "/callbacks/", "/healthz")

JSON = frozenset({"application/json"})
FORMS, FORM = "/callbacks/twilio/", frozenset({"application/x-www-form-urlencoded"})
"""A telephone provider sends forms, which it signs."""
_PHOTOS = re.compile(r"/api/crew/orders/[^/]+/photos")
IMAGES = frozenset({"image/jpeg", "image/png", "image/webp"})
LARGEST_PHOTO = 2 * MEGABYTE
Refusal = tuple[int, str, str]
"""Status, code, message."""


class Guard:
    """ASGI middleware. Refuses foreign origins, other types than JSON (a photo is an image), and bodies that are too large."""

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = _limit(scope["path"])
        answer = _with_headers(scope["path"], send)
        refusal = self._refusal(scope, headers, limit)
        if refusal is None and _may_be_large(scope, headers, limit):
            refusal = await _no_administrator(Request(scope))
        if refusal is not None:
            status, code, message = refusal
            await error(status, code, message)(scope, receive, answer)
            return
        await self._app(scope, _counted(receive, limit), answer)

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> Refusal | None:
        if scope["method"] in SAFE:
            return None
        origin = headers.get("origin")
        if origin is not None and not self._own(origin, headers.get("host", "")):
            return 403, "forbidden", f"requests from {origin[:100]!r} are not taken"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            return _too_large(limit)
        has_body = length != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        expected = _kinds(scope["path"])
        if has_body and scope["path"].startswith(UNCACHED) and kind not in expected:
            wanted = " or ".join(sorted(expected))
            return 400, "bad_input", f"Content-Type: expected {wanted}, found {kind[:100]!r}"
        return None

    def _own(self, origin: str, host: str) -> bool:
        return origin in self._origins or (bool(host) and urlsplit(origin).netloc == host)


def _limit(path: str) -> int:
    """Bytes of a body."""
    if path.startswith(FILES):
        return LARGEST_FILE
    return LARGEST_PHOTO if _PHOTOS.fullmatch(path) else LARGEST


def _may_be_large(scope: Scope, headers: Headers, limit: int) -> bool:
    """Whether a file comes that is larger than anybody but an administrator may send."""
    if scope["method"] in SAFE or limit != LARGEST_FILE:
        return False
    return int(headers.get("content-length", "0")) > LARGEST or "transfer-encoding" in headers


async def _no_administrator(request: Request) -> Refusal | None:
    """Decided before the body is read; the route asks again, for whatever it needs."""
    token = request.cookies.get(COOKIE, "")
    try:
        person = await services_of(request).people.signed_in(token) if token else None
    except Unavailable as away:
        return STATUS[away.code], away.code, away.message
    if person is None:
        return 401, "unauthenticated", "sign in first"
    if person.role != "admin" or person.must_change:
        return 403, "forbidden", f"files of more than {LARGEST} bytes are for administrators"
    return None


def _kinds(path: str) -> frozenset[str]:
    """Media types of a body."""
    if path.startswith(FORMS):
        return FORM
    return IMAGES if _PHOTOS.fullmatch(path) else JSON


def _too_large(limit: int) -> Refusal:
    return 413, "bad_input", f"the body is larger than {limit} bytes"


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            status, _, message_text = _too_large(limit)
            raise HTTPException(status, message_text)
        return message

    return counted


def _with_headers(path: str, send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            headers.setdefault("Referrer-Policy", "same-origin")
            headers.setdefault("X-Frame-Options", "DENY")
            headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            if path.startswith(UNCACHED):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sender
