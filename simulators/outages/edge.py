"""The ways out of the centre as a replay has them: lines with a delay, and a telephone exchange in process."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from dispatch.clock import Clock
from dispatch.core.errors import NotFound
from dispatch.messages import Desired
from dispatch.services import dispatcher, telephone
from dispatch.services.context import Context
from dispatch.services.telephone import PhoneReport
from simulators.behaviour import Delay
from simulators.exchange import CallEvent, CallRequest, Exchange
from simulators.outages.agenda import Agenda

TRANSPORT = Path(__file__).with_name("transport.toml")


@dataclass(frozen=True, slots=True)
class Transport:
    """How long the machines' own ways take, seconds."""

    centre: Delay
    terminal: Delay
    match_every: float
    match_again: float
    report_every: float

    def as_json(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def load_transport(path: Path = TRANSPORT) -> Transport:
    """Read the table that ships with the simulators."""
    raw = tomllib.loads(path.read_text("utf-8"))
    centre, terminal = (Delay(**raw.pop(name)) for name in ("centre", "terminal"))
    return Transport(centre, terminal, **{name: float(value) for name, value in raw.items()})


class Lines:
    """Both machine ways: to the centre's inbox, and to the terminals."""

    def __init__(self, context: Context, agenda: Agenda, transport: Transport, seed: int) -> None:
        self._context, self._agenda, self._transport, self._seed = context, agenda, transport, seed
        self.terminals: dict[str, Callable[[Desired], Awaitable[None]]] = {}
        self._wanted: dict[str, Desired] = {}

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        async def arrive() -> None:
            await dispatcher.centre_received(
                self._context, order_id, centre_id=centre_id, send=send, tries=tries
            )

        self._agenda.after(self._draw(self._transport.centre, f"{order_id}/{send}/{centre_id}"), arrive)

    async def write_desired(self, desired: Desired) -> None:
        """The gateway sends what is wanted when the line is there, not what was wanted before."""
        self._wanted[desired.device] = desired

        async def arrive() -> None:
            await self.terminals[desired.device](self._wanted[desired.device])

        name = f"{desired.device}/{desired.revision}"
        self._agenda.after(self._draw(self._transport.terminal, name), arrive)

    def _draw(self, delay: Delay, name: str) -> float:
        return delay.draw(Random(f"{self._seed}:line:{name}"))


class PhoneLine:
    """`Phone` over the simulated exchange; its reports come back when they are due."""

    def __init__(self, clock: Clock, exchange: Exchange) -> None:
        self._clock, self.exchange = clock, exchange
        self._cut: list[CallEvent] = []

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        request = CallRequest(
            call_id, number, prompt, language="zh-CN" if language.startswith("zh") else "en"
        )
        self.exchange.dial(request, self._clock.now())

    async def hang_up(self, call_id: str) -> None:
        try:
            self._cut.extend(self.exchange.hang_up(call_id, self._clock.now()))
        except NotFound:
            return

    async def report(self, context: Context) -> int:
        """Tell the centre what has happened to its calls; how much that was."""
        events = [*self._cut, *self.exchange.due(self._clock.now())]
        self._cut = []
        for e in events:
            await telephone.phone_reported(
                context, PhoneReport(e.call_id, e.number, e.seq, e.state, e.digit or "", e.at)
            )
        return len(events)


class Bells:
    """Alerts outside the pages: nobody is to be told in a replay."""

    async def send(self, url: str, title: str, body: str) -> str:
        return "noted"


class SeededIds:
    """Ids in the order of asking: the same run has the same ones."""

    def __init__(self) -> None:
        self._orders = self._contacts = 0

    def order_id(self, now: Any) -> str:
        self._orders += 1
        return f"W{self._orders:05d}"

    def contact_id(self) -> str:
        self._contacts += 1
        return f"C-{self._contacts:06d}"
