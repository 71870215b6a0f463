"""A crew's two ways to press a step: the vehicle's terminal, and the page on the phone."""

from __future__ import annotations

import re
from random import Random

from dispatch.clock import SystemClock
from dispatch.core.errors import NotFound
from simulators.actors.api import Person, Refused
from simulators.actors.mind import Intent
from simulators.actors.world import World
from simulators.terminals import Question, Terminal

ACCEPT = 1
"""The answer that means acknowledge."""
LABELS = {"depart": "出发", "arrive": "到达", "restore": "修复"}
"""What stands on the terminal's buttons."""
ASKED = re.compile(r"#(\d+) (\S+)")
"""A question begins with slot and order."""
PATIENCE = 6.0
"""Real seconds after which a step that the terminal took but the phone does not show is pressed on the phone."""


class Handset:
    """One crew's hands. `slots` remembers which slot of the screen each order has."""

    def __init__(self, world: World, person: Person, terminal: Terminal) -> None:
        self._world, self._person, self._terminal = world, person, terminal
        self._pressed: dict[tuple[str, str], float] = {}
        self._slots: dict[str, int] = {}
        for question in terminal.screen.questions.values():
            self.read(question.text)

    def read(self, text: str) -> str:
        """Note where a question's order stands; its id, or nothing where the text names none."""
        found = ASKED.match(text)
        if found is None:
            return ""
        self._slots[found[2]] = int(found[1])
        return found[2]

    async def take(self, intent: Intent) -> str:
        """Press it; by which way, or nothing where it was pressed a moment ago and is still travelling."""
        mark = (intent.order.id, intent.key)
        pressed = self._pressed.get(mark)
        now = SystemClock.monotonic()
        if pressed is not None and now - pressed < PATIENCE:
            return ""
        self._pressed[mark] = now
        if pressed is None and not self._prefers_phone(intent) and await self._on_terminal(intent):
            return "terminal"
        await self._on_phone(intent)
        return "phone"

    async def clear(self, order_ids: set[str], asked: set[int]) -> None:
        """Dismiss, of the questions `asked`, those of orders that are not (any more) to be answered."""
        for serial in asked & set(self._terminal.screen.questions):
            found = ASKED.match(self._terminal.screen.questions[serial].text)
            if found is None or found[2] not in order_ids:
                await self._terminal.dismiss(serial)

    def _prefers_phone(self, intent: Intent) -> bool:
        draw = Random(f"{self._world.people.seed}:by_phone:{intent.step}:{intent.order.story}")
        return draw.random() < self._world.scenario.shares.by_phone

    async def _on_terminal(self, intent: Intent) -> bool:
        """Whether the terminal has a way to do it."""
        if not self._terminal.online:
            return False
        try:
            if intent.step == "acknowledge":
                return await self._accept(intent.order.id)
            return await self._press(intent)
        except NotFound:  # it left the screen a moment ago
            return False

    async def _accept(self, order_id: str) -> bool:
        questions = [q for q in self._terminal.screen.questions.values() if _about(q, order_id)]
        if not questions:
            return False
        await self._terminal.answer(questions[-1].serial, ACCEPT)
        return True

    async def _press(self, intent: Intent) -> bool:
        label = f"#{self._slots.get(intent.order.id, 0)} {LABELS.get(intent.step, '-')}"
        code = next((c for c, text in self._terminal.screen.events.items() if text == label), None)
        if code is None:
            return False
        await self._terminal.press(code)
        return True

    async def _on_phone(self, intent: Intent) -> None:
        body: dict[str, object] = {"generation": intent.order.generation}
        if intent.step == "reject":
            body["reason"] = intent.reason
        if intent.step == "record":
            words = self._world.scenario.words
            draw = Random(f"{self._world.people.seed}:record:{intent.order.story}")
            body |= {"cause": draw.choice(words.cause), "work_done": draw.choice(words.work_done)}
        try:
            await self._person.post(f"/api/crew/orders/{intent.order.id}/{intent.step}", body, key=intent.key)
        except Refused as refused:
            # Somebody was quicker (the geofence, the telephone, a recall): the next look shows what is true.
            if refused.status not in {404, 409}:
                self._world.say(self._person.username, f"cannot {intent.step}: {refused.message}")


def _about(question: Question, order_id: str) -> bool:
    found = ASKED.match(question.text)
    return found is not None and found[2] == order_id
