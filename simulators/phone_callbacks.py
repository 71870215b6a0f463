"""Signed callbacks to the centre: in order for each call, retried while the centre does not answer."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Callable
from hashlib import sha256

import httpx
import msgspec

from dispatch.clock import SystemClock
from simulators.exchange import CallEvent
from simulators.phone_log import Outcome

SIGNATURE = "X-Dispatch45-Signature"
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)
"""Real seconds before each further try: the centre may be killed and start again meanwhile."""


def token(secret: str) -> str:
    """The bearer token that the centre shows to the exchange."""
    return hmac.new(secret.encode(), b"phone-exchange", sha256).hexdigest()


def signature(secret: str, body: bytes) -> str:
    """What proves to the centre that a callback is ours."""
    return hmac.new(secret.encode(), body, sha256).hexdigest()


class Callbacks:
    """One queue a call. `tell` is called with the outcome of each callback."""

    def __init__(
        self,
        secret: str,
        client: httpx.AsyncClient,
        tell: Callable[[CallEvent, Outcome], None],
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._secret, self._client, self._tell, self._pauses = secret, client, tell, pauses
        self._waiting: dict[str, deque[tuple[str, CallEvent]]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    def send(self, url: str, event: CallEvent) -> None:
        """Tell the centre about it, after everything before it of the same call."""
        queue = self._waiting.setdefault(event.call_id, deque())
        queue.append((url, event))
        if len(queue) == 1:
            sender = asyncio.create_task(self._empty(event.call_id))
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._senders:
            await asyncio.gather(*self._senders)

    async def close(self) -> None:
        """Stop; what was not delivered stands in the log without an outcome."""
        for sender in list(self._senders):
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        await self._client.aclose()

    async def _empty(self, call_id: str) -> None:
        queue = self._waiting[call_id]
        while queue:
            url, event = queue[0]
            self._tell(event, await self._deliver(url, event))
            queue.popleft()
        del self._waiting[call_id]

    async def _deliver(self, url: str, event: CallEvent) -> Outcome:
        body = msgspec.json.encode(event)
        headers = {SIGNATURE: signature(self._secret, body), "Content-Type": "application/json"}
        for pause in (0.0, *self._pauses):
            if pause:
                await SystemClock().sleep(pause)
            try:
                answer = await self._client.post(url, content=body, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL):
                continue
            if answer.is_success:
                return "delivered"
        return "given_up"
