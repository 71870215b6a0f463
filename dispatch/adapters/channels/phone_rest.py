"""The telephone through an exchange with a REST interface and signed callbacks."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any

import httpx

from dispatch.core.errors import NotPlaced, Unavailable

RING_SECONDS = 25


def token(secret: str) -> str:
    """The bearer token that the centre shows to its exchange."""
    return hmac.new(secret.encode(), b"phone-exchange", sha256).hexdigest()


def _said(answer: httpx.Response, field: str = "message") -> str:
    try:
        return str(answer.json().get(field, ""))[:200]
    except (ValueError, AttributeError):
        return ""


class RestPhone:
    """`Phone` over HTTP. The exchange takes one call id once, so that asking again places no second call."""

    def __init__(self, url: str, secret: str, callback_url: str) -> None:
        self._callback_url = callback_url
        self._client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token(secret)}"}, timeout=5.0, trust_env=False
        )

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        body = {
            "call_id": call_id, "number": number, "language": language, "prompt": prompt,
            "callback_url": self._callback_url, "ring_seconds": RING_SECONDS,
        }  # fmt: skip
        try:
            await self._ask("POST", "/calls", body)
        except Unavailable as error:
            if "status" in error.facts and await self._has_no(call_id):
                raise NotPlaced(error.message) from error
            raise

    async def _has_no(self, call_id: str) -> bool:
        """Whether the exchange says that it knows no such call; it has answered all that was asked of it."""
        try:
            return (await self._client.get(f"/calls/{call_id}")).status_code == httpx.codes.NOT_FOUND
        except httpx.HTTPError:
            return False

    async def hang_up(self, call_id: str) -> None:
        await self._ask("DELETE", f"/calls/{call_id}")

    async def look(self, call_id: str) -> dict[str, Any]:
        """A call with its words and the states that it has reached."""
        return dict((await self._ask("GET", f"/calls/{call_id}")).json())

    async def heard(self, call_id: str, state: str, digit: str = "", sid: str = "") -> None:
        """Tell the telephone process what a provider told the centre of its call `sid`."""
        await self._ask("POST", f"/calls/{call_id}/states", {"state": state, "digit": digit, "sid": sid})

    async def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        try:
            answer = await self._client.request(method, path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotPlaced(f"the telephone exchange does not answer: {error!r}") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"the telephone exchange does not answer: {error!r}") from error
        if answer.status_code >= 400 and not (method == "DELETE" and answer.status_code == 404):
            said = _said(answer)
            raise Unavailable(
                f"the telephone exchange refused {method} {path}: {answer.status_code} {said}".rstrip(),
                status=answer.status_code,
            )
        return answer

    async def state(self) -> tuple[bool, str]:
        """Whether it can place calls, and in words."""
        try:
            answer = await self._client.get("/healthz")
        except httpx.HTTPError as error:
            return False, f"the telephone exchange does not answer: {error!r}"
        return answer.is_success, _said(answer, "reason") or (
            "answers" if answer.is_success else str(answer.status_code)
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
