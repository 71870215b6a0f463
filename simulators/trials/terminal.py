"""One vehicle's terminal with its gateway: brought to what is wanted while its line is there; what it says is kept until it is safe."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from dispatch.core.errors import Unavailable
from dispatch.messages import Desired, DesiredOrder, DeviceEvent, Link, Press, Receipt
from simulators.trials.edges import Streams
from simulators.trials.fortune import Fortune
from simulators.trials.loop import seconds


class Terminal:
    """`screen`: what a crew sees on it, by order."""

    def __init__(
        self,
        device: str,
        fortune: Fortune,
        streams: Streams,
        now: Callable[[], datetime],
        broken: Callable[[str], None],
    ) -> None:
        """`broken`: told of a promise that was broken."""
        self.device, self._fortune, self._streams, self._now = device, fortune, streams, now
        self._luck = fortune.stream(f"terminal {device}")
        self._broken = broken
        self.screen: dict[str, DesiredOrder] = {}
        self._shown: Desired | None = None
        self._gone: set[tuple[str, int]] = set()
        self._unsaid: deque[DeviceEvent] = deque()
        self._online = False
        self._wrong = self._luck.choice((0.0, 0.0, 0.0, -300.0, 600.0))
        """Seconds that its clock is off."""

    def press(self, order_id: str, action: str) -> None:
        """Somebody presses a button on it."""
        one = self.screen.get(order_id)
        if one is None:
            return
        name = f"{self.device}/{order_id}/{one.version}/{action}/{self._at():.3f}"
        self._unsaid.append(Press(self.device, order_id, action, self._at(), name, one.version))

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._luck.uniform(0.5, 4.0))
            online = not self._fortune.is_offline(self.device, seconds())
            if online != self._online:
                self._online = online
                self._unsaid.append(Link(self.device, "online" if online else "offline", self._at(), "jt808"))
            if online:
                try:
                    self._settle()
                    self._say()
                except Unavailable:
                    continue

    def _settle(self) -> None:
        self._streams.reachable()
        wanted = self._streams.desired.get(self.device)
        if wanted is None or (self._shown is not None and wanted.revision <= self._shown.revision):
            return
        before, self.screen, self._shown = self.screen, {o.order_id: o for o in wanted.orders}, wanted
        for one in before.values():
            if one.order_id not in self.screen:
                self._gone.add((one.order_id, one.version))
                self._unsaid.append(Receipt(self.device, one.order_id, one.version, "removed", self._at()))
        for one in wanted.orders:
            if (one.order_id, one.version) in self._gone:
                self._broken(f"{one.order_id} was shown again on {self.device} after it was taken away")
            if before.get(one.order_id) is None or before[one.order_id].version != one.version:
                self._unsaid.append(Receipt(self.device, one.order_id, one.version, "delivered", self._at()))
        self._unsaid.append(Receipt(self.device, "", wanted.revision, "settled", self._at()))

    def _say(self) -> None:
        while self._unsaid:
            self._streams.say(self._unsaid[0])
            self._unsaid.popleft()

    def _at(self) -> float:
        return self._now().timestamp() + self._wrong

    @property
    def quiet(self) -> bool:
        """It has said everything and shows what is wanted."""
        wanted = self._streams.desired.get(self.device)
        return not self._unsaid and (wanted is None or self._shown == wanted)
