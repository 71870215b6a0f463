"""The exchange at work: its script runs on the installation's clock, its states go to log and centre."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dispatch.clock import Clock
from dispatch.core.errors import BadInput
from simulators.exchange import Call, CallEvent, CallRequest, Exchange
from simulators.phone_callbacks import Callbacks
from simulators.phone_log import CallbackLine, CallLine, Outcome, PhoneLog, StateLine

Tell = Callable[[CallEvent, Outcome], None]


class PhoneService:
    """Dials, hangs up, and lets time pass. Calls that an earlier run left live have failed."""

    def __init__(
        self, exchange: Exchange, clock: Clock, log: PhoneLog, callbacks: Callable[[Tell], Callbacks]
    ) -> None:
        self.exchange = exchange
        self.callbacks = callbacks(self._told)
        self._clock, self._log = clock, log
        self._woken = asyncio.Event()
        self._earlier = log.calls
        for call in self._earlier:
            exchange.restore(call)

    def dial(self, request: CallRequest) -> tuple[Call, bool]:
        """The call, and whether it is new. Raises BadInput, Conflict."""
        if not request.call_id or not 1 <= request.ring_seconds <= 300:
            raise BadInput("a call needs a call_id, and ring_seconds from 1 to 300")
        if not request.callback_url.startswith(("http://", "https://")):
            raise BadInput("callback_url: expected an http address")
        now = self._clock.now()
        call, new = self.exchange.dial(request, now)
        if new:
            self._log.write(CallLine(request, now))
            self._woken.set()
        return call, new

    def hang_up(self, call_id: str) -> Call:
        """End a call; one that has ended stays as it is. Raises NotFound."""
        self._note(self.exchange.hang_up(call_id, self._clock.now()))
        return self.exchange.call(call_id)

    def pass_time(self) -> None:
        """Let everything happen that is due."""
        self._note(self.exchange.due(self._clock.now()))

    async def run(self) -> None:
        """Until cancelled."""
        self._go_on()
        while True:
            self._woken.clear()
            self.pass_time()
            await self._until_next()

    async def close(self) -> None:
        """Stop the callbacks and close the log."""
        await self.callbacks.close()
        self._log.close()

    def describe(self, call: Call) -> dict[str, object]:
        """A call as `GET /calls/{call_id}` and `GET /log` show it."""
        request = call.request
        states = [
            {
                "seq": e.seq,
                "state": e.state,
                "digit": e.digit,
                "at": e.at,
                "callback": self._log.outcomes.get((e.call_id, e.seq), "pending"),
            }
            for e in call.events
        ]
        return {
            "call_id": request.call_id,
            "number": request.number,
            "language": request.language,
            "prompt": request.prompt,
            "dialled_at": call.dialled_at,
            "state": call.state,
            "states": states,
        }

    async def _until_next(self) -> None:
        due = self.exchange.next_due()
        if due is None:
            await self._woken.wait()
            return
        seconds = max(0.0, (due - self._clock.now()).total_seconds())
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._woken.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _go_on(self) -> None:
        """After a restart: tell what was not told, and that live calls were lost."""
        for call in self._earlier:
            for event in call.events:
                if (event.call_id, event.seq) not in self._log.outcomes:
                    self.callbacks.send(call.request.callback_url, event)
            if call.live:
                self._note([self.exchange.fail(call.request.call_id, self._clock.now())])
        self._earlier = []

    def _note(self, events: list[CallEvent]) -> None:
        for event in events:
            self._log.write(StateLine(event))
            self.callbacks.send(self.exchange.call(event.call_id).request.callback_url, event)

    def _told(self, event: CallEvent, outcome: Outcome) -> None:
        self._log.write(CallbackLine(event.call_id, event.seq, outcome, self._clock.now()))
