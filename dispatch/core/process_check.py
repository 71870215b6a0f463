"""What a definition must hold beyond its form: in every state before the acknowledgement somebody is watched.

`check` walks through everything that can happen to an order under the definition (every step, and a route to
another centre) and looks which watches are open. Definitions that orders already run under are only parsed: what
they lack cannot be added to them any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dispatch.core.chains import ROUTE, Watch
from dispatch.core.errors import ProcessInvalid
from dispatch.core.process import Process, Transition


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where an order may stand: its state, whether a crew has it and has acknowledged, and its watches."""

    state: str
    crew: bool = False
    acknowledged: bool = False
    open: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()


def check(process: Process) -> None:
    """Raises ProcessInvalid naming a state, and how an order comes into it, in which nobody is watched."""
    for stand, way in _stands(process):
        if stand.open or stand.acknowledged or stand.state in process.final:
            continue
        raise ProcessInvalid(
            f"{process.id}: after {', '.join(way)} an order is {stand.state!r}, nobody has acknowledged it, and no"
            " watch is open: it would be forgotten. Let a watch begin with that step (`from` or `again`)"
        )


def _stands(process: Process) -> Iterator[tuple[_Stand, tuple[str, ...]]]:
    """Everywhere that an order can stand, with the shortest way there."""
    opened = frozenset(w.name for w in process.watches if w.opens("", "A"))
    first = _Stand(process.first, open=opened, opened=opened)
    known: dict[_Stand, tuple[str, ...]] = {first: ("take_call",)}
    fresh = [first]
    while fresh:
        stand = fresh.pop(0)
        yield stand, known[stand]
        for event, following in _following(process, stand):
            if following not in known:
                known[following] = (*known[stand], event)
                fresh.append(following)


def _following(process: Process, stand: _Stand) -> Iterator[tuple[str, _Stand]]:
    for (state, step), row in process.transitions.items():
        if state == stand.state:
            yield step, _watched(process, _taken(stand, row), step, row.point, {step})
    if not stand.crew and stand.state not in process.final:
        yield "route to another centre", _watched(process, stand, "", "", {ROUTE}, moved=True)


def _taken(stand: _Stand, row: Transition) -> _Stand:
    crew = (stand.crew or row.point == "D") and not row.withdraws
    return replace(
        stand, state=row.to, crew=crew, acknowledged=(stand.acknowledged or row.point == "F") and crew
    )


def _watched(
    process: Process, stand: _Stand, step: str, point: str, ending: set[str], *, moved: bool = False
) -> _Stand:
    """The same rules as `escalation.open_watches`, on every way at once."""

    def is_open(watch: Watch) -> bool:
        if watch.name in stand.open:
            return not ending & watch.until
        return watch.opens(step, point) or (moved and _reopens(process, stand, watch))

    now = frozenset(w.name for w in process.watches if is_open(w))
    return replace(stand, open=now, opened=stand.opened | now)


def _reopens(process: Process, stand: _Stand, watch: Watch) -> bool:
    if watch.name not in stand.opened or ROUTE in watch.until:
        return False
    rows = (process.transitions.get((stand.state, step)) for step in watch.until)
    return any(row is not None and row.to not in process.final for row in rows)
