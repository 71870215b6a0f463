"""The simulated people: what each does and how long it takes, the same in the live demo and in a replay.

Every draw comes from a stream named (seed, kind, whose), so that the order of asking changes nothing:
the same seed gives the same people.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from random import Random

from simulators.behaviour import OWN_FILE, Behaviour, Kind, PhoneHabit, Share, load


class People:
    """Everybody, from one seed. `path` = a behaviour file; raises BadInput where it cannot be used."""

    def __init__(self, seed: int, path: Path = OWN_FILE) -> None:
        self.seed = seed
        self.behaviour: Behaviour = load(path)

    def delay(self, kind: Kind, whose: str) -> float:
        """Seconds that `whose` (an order's, crew's or call's id; add what makes it unique) takes."""
        return self.behaviour.delays[kind].draw(self._stream(kind, whose))

    def happens(self, share: Share, whose: str) -> bool:
        """Whether `whose` belongs to the share."""
        return self._stream(share, whose).random() < self.behaviour.shares[share]

    def acknowledge(self, order_id: str, generation: int) -> float | None:
        """Seconds from the order's arrival on the device to the crew's answer; None: it never answers.

        `generation` = the dispatch of this order (1, 2, ...): the next crew is another one.
        """
        whose = f"{order_id}/{generation}"
        return None if self.happens("crew_silent", whose) else self.delay("acknowledge", whose)

    def rejects(self, order_id: str, generation: int) -> str | None:
        """The reason with which the crew rejects this dispatch; None: it accepts."""
        whose = f"{order_id}/{generation}"
        if not self.happens("crew_rejects", whose):
            return None
        reasons, weights = self._reasons
        return self._stream("reject_reason", whose).choices(reasons, weights)[0]

    def phone(self, number: str) -> PhoneHabit:
        """What whoever has this number does when it rings, every time."""
        habits, shares = self._habits
        return self._stream("phone", number).choices(habits, shares)[0]

    def _stream(self, kind: str, whose: str) -> Random:
        return Random(f"{self.seed}:{kind}:{whose}")

    @cached_property
    def _reasons(self) -> tuple[list[str], list[float]]:
        return list(self.behaviour.reject_reasons), list(self.behaviour.reject_reasons.values())

    @cached_property
    def _habits(self) -> tuple[list[PhoneHabit], list[float]]:
        return list(self.behaviour.phones), list(self.behaviour.phones.values())
