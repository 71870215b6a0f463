"""What is outside the centre in the stories: telephones, terminals, inboxes, mail; each may be down, or lose things."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch.core.errors import NotPlaced, Unavailable
from dispatch.messages import Desired, Receipt
from dispatch.services import dispatcher, telephone
from dispatch.services.tracking import device_event

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@dataclass
class Port:
    """What every faked port has: it may be down, and counts how often it was asked."""

    down: bool = False
    asked: int = 0

    full: bool = False

    def ask(self, what: str) -> None:
        self.asked += 1
        if self.full:
            raise NotPlaced(f"{what} has no line free")
        if self.down:
            raise Unavailable(f"{what} does not answer")


@dataclass
class Placed:
    """One call that the exchange took."""

    call_id: str
    number: str
    prompt: str
    at: datetime
    ended: str = ""


@dataclass
class Exchange(Port):
    """Telephones: what each number does when it rings. A call id is taken once."""

    centre: Any = None
    habits: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Placed] = field(default_factory=dict)
    rings: list[str] = field(default_factory=list)
    hung_up: list[str] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=dict)

    async def ring(self, call_id: str, number: str, language: str, prompt: str) -> None:
        self.ask("the exchange")
        self.rings.append(call_id)
        if call_id in self.calls:
            return
        self.calls[call_id] = Placed(call_id, number, prompt, self.centre.clock.now())
        habit = self.habits.get(number, "no_answer")
        if habit not in {"lost", "fails"}:
            self.centre.in_seconds(1, lambda: self.tell(call_id, "ringing"))
        script = {
            "no_answer": [(25, "no_answer", "")],
            "busy": [(2, "busy", "")],
            "voicemail": [(10, "answered", ""), (12, "machine", ""), (27, "completed", "")],
            "listens": [(10, "answered", ""), (40, "completed", "")],
            "silent": [],
            "lost": [],
            "fails": [(2, "failed", "")],
        }.get(habit, [(10, "answered", ""), (15, "keypress", habit[-1]), (17, "completed", "")])
        for seconds, state, digit in script:
            self.centre.in_seconds(seconds, lambda s=state, d=digit: self.tell(call_id, s, d))

    async def hang_up(self, call_id: str) -> None:
        self.ask("the exchange")
        self.hung_up.append(call_id)
        if call_id in self.calls and not self.calls[call_id].ended:
            await self.tell(call_id, "cut")

    async def tell(self, call_id: str, state: str, digit: str = "") -> None:
        """Report a state, unless the call has ended."""
        call = self.calls[call_id]
        if call.ended:
            return
        if state in telephone.ENDED - {"machine"}:
            call.ended = state
        seq = self.seqs[call_id] = self.seqs.get(call_id, 0) + 1
        await telephone.phone_reported(
            self.centre.context,
            telephone.PhoneReport(
                call_id,
                call.number,
                seq,
                state,
                digit,
                self.centre.clock.now(),
                "503 Service Unavailable" if state == "failed" else "",
            ),
        )

    def log(self) -> list[tuple[float, str]]:
        """Every call: minutes after START, number."""
        return [(round((c.at - START) / timedelta(minutes=1), 2), c.number) for c in self.calls.values()]


@dataclass
class Terminals(Port):
    """Vehicles' terminals: they take what they should show, and give receipts, while they are online."""

    centre: Any = None
    online: set[str] = field(default_factory=set)
    desired: dict[str, Desired] = field(default_factory=dict)
    shown: dict[str, dict[str, int]] = field(default_factory=dict)
    ever: list[tuple[str, str, int]] = field(default_factory=list)
    receipts: bool = True

    async def write_desired(self, desired: Desired) -> None:
        self.ask("Redis")
        known = self.desired.get(desired.device)
        if known is None or desired.revision > known.revision:
            self.desired[desired.device] = desired
        if desired.device in self.online:
            self.centre.in_seconds(2, lambda: self.sync(desired.device))

    async def come_online(self, device: str) -> None:
        self.online.add(device)
        await self.sync(device)

    async def sync(self, device: str) -> None:
        """Bring the screen to what it should show; then the receipts."""
        desired = self.desired.get(device)
        if desired is None or device not in self.online:
            return
        before = self.shown.get(device, {})
        self.shown[device] = {o.order_id: o.version for o in desired.orders}
        at = self.centre.clock.now().timestamp()
        new = {o: v for o, v in self.shown[device].items() if before.get(o) != v}
        self.ever.extend((device, o, v) for o, v in new.items())
        if not self.receipts:
            return
        events = [Receipt(device, o, v, "delivered", at) for o, v in new.items()]
        for event in (*events, Receipt(device, "", desired.revision, "settled", at)):
            await device_event(self.centre.context, event)


@dataclass
class Inbox(Port):
    """The way to the centres' inboxes; what arrives there gives its receipt by itself."""

    centre: Any = None
    arrived: list[tuple[str, str, int]] = field(default_factory=list)
    receipts: bool = True
    loses: int = 0  # so many of the next ones, after they were handed over

    async def deliver(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        self.ask("Redis")
        if self.loses:
            self.loses -= 1
            return
        self.arrived.append((centre_id, order_id, send))
        if self.receipts:
            self.centre.in_seconds(1, lambda: self.receipt(centre_id, order_id, send, tries))

    async def receipt(self, centre_id: str, order_id: str, send: int, tries: int) -> None:
        context = self.centre.context
        await dispatcher.centre_received(context, order_id, centre_id=centre_id, send=send, tries=tries)


@dataclass
class Mail(Port):
    """Alerts outside the pages."""

    told: list[tuple[str, str]] = field(default_factory=list)
    """Role and title: each role's channel is called after it."""
    bodies: list[str] = field(default_factory=list)

    async def send(self, url: str, title: str, body: str) -> str:
        self.ask("the mail server")
        self.told.append((url.removeprefix("test://"), title))
        self.bodies.append(body)
        return "told"
