"""`python -m loadtests.live_map [--short] [--part frames|heap] [--json FILE]`: the control room's map under 20,000 vehicles.

The real pages and live feed in a process of their own (live_town.py), a real Chromium without a GPU at 1366 x 768, a
base map of tiles, and a probe that the page does not know of (live_probe.js).
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from dataclasses import dataclass, field

import click

from loadtests.live_page import CITY, STREET, Measured, Screen, chromium, empty_page, town
from loadtests.live_town import FEW_CREWS, MANY_ORDERS, ORDERS
from loadtests.objectives import Objective, Outcome, ahead, tell

VEHICLES = 20_000
P99, P95 = 0.99, 0.95


@dataclass(frozen=True)
class Scale:
    """How long things are watched, in seconds; the heap from one minute to another."""

    city: float = 40.0
    street: float = 15.0
    drag: float = 10.0
    empty: float = 5.0
    countdowns: float = 60.0
    heap_minutes: tuple[float, float] | None = (2.0, 10.0)


ROWS_SEEN, TEXTS_IN_A_ROW = 7, 3
"""Of the board at this size; its time, its segment's, the next rung's."""
SHORT = Scale(city=6.0, street=4.0, drag=3.0, empty=1.5, countdowns=4.0, heap_minutes=None)


@dataclass
class Findings:
    """What came out."""

    objectives: list[Objective] = field(default_factory=list)
    facts: dict[str, float | int | str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def most(self, name: str, measured: float, wanted: float, unit: str) -> None:
        """An objective that has to be at most so much."""
        self.objectives.append(
            Objective(name=name, measured=measured, wanted=wanted, sense="at most", unit=unit)
        )

    def really(self, what: str, seen: Measured) -> None:
        """A run whose pixels did not change proves nothing."""
        if not seen.screens_differ or seen.pictures < 0.8 * seen.seconds:
            self.wrong.append(
                f"{what}: {seen.pictures} different pictures in {seen.seconds:.0f} s,"
                f" the screen {'changed' if seen.screens_differ else 'did not change'}"
            )


def measure_frames(scale: Scale, address: str, found: Findings) -> None:
    """Everything but the heap."""
    with chromium() as browser:
        empty = empty_page(browser, scale.empty)
        found.facts["ceiling: an empty page"] = _frames(empty)
        screen = Screen(browser, address, "many")
        screen.look(CITY)
        _city(found, screen.watch(scale.city))
        _drag(found, screen.drag(scale.drag))
        screen.look(STREET)
        _street(found, screen.watch(scale.street))
        screen.close()
        bare = turns(empty_page(browser, scale.countdowns, ROWS_SEEN * TEXTS_IN_A_ROW))
        found.facts["ceiling: as many texts on an empty page"] = _ticks(bare)
        orders = Screen(browser, address, "few")
        orders.page.wait_for_timeout(2_000)
        before = orders.first_row()
        _countdowns(found, turns(orders.watch(scale.countdowns)))
        if orders.first_row() == before:
            found.wrong.append("countdowns: the board's first row says what it said")
        orders.close()


def _city(found: Findings, seen: Measured) -> None:
    found.really("city", seen)
    found.most("all vehicles in view: p99 frame", ahead(seen.frames, P99), 33, "ms")
    found.most("all vehicles in view: long tasks", sum(seen.long) / seen.seconds, 20, "ms/s")
    found.most("server's tick to painted frame, p95", ahead(seen.latencies, P95), 300, "ms")
    found.most("bytes a vehicle in view and second", seen.positions / (VEHICLES * seen.seconds), 16, "B")
    found.facts["city"] = _frames(seen)
    found.facts["city: server's tick to painted frame"] = (
        f"p50 {ahead(seen.latencies, 0.5):.0f} ms, p99 {ahead(seen.latencies, P99):.0f} ms of {len(seen.latencies)}"
    )
    found.facts["city: bytes a vehicle that is told"] = seen.positions / max(1, seen.vehicles)


def _drag(found: Findings, seen: Measured) -> None:
    found.really("drag", seen)
    rate = len(seen.frames) / seen.seconds
    found.objectives.append(
        Objective(name="dragging, all vehicles in view", measured=rate, wanted=55, unit="frames/s")
    )
    found.facts["drag"] = _frames(seen)


def _street(found: Findings, seen: Measured) -> None:
    found.really("street", seen)
    found.most("live feed at street zoom", seen.positions / seen.seconds / 1000, 30, "kB/s")
    found.facts["street"] = _frames(seen)
    found.facts["street: text frames"] = f"{seen.other / seen.seconds / 1000:.2f} kB/s"


def turns(seen: Measured) -> list[float]:
    """What a page did in each second, ms: all that it does once a second together."""
    spent: defaultdict[int, float] = defaultdict(float)
    for at, ms in seen.ticks:
        spent[math.floor(at / 1000)] += ms
    return list(spent.values())


def _countdowns(found: Findings, ticks: list[float]) -> None:
    found.most(f"countdowns of {MANY_ORDERS:,} orders, a tick, p95", ahead(ticks, P95), 2, "ms")
    found.facts["countdowns, a tick"] = _ticks(ticks)


def _ticks(ticks: list[float]) -> str:
    return f"p50 {ahead(ticks, 0.5):.2f} ms, p95 {ahead(ticks, P95):.2f} of {len(ticks)}"


def measure_heap(minutes: tuple[float, float], address: str, found: Findings) -> None:
    """Reachable objects, at one minute and at another."""
    first, last = minutes
    with chromium() as browser:
        screen = Screen(browser, address, "many")
        screen.look(CITY)
        screen.page.wait_for_timeout(first * 60_000)
        before = screen.heap()
        seen = screen.watch((last - first) * 60)
        after = screen.heap()
        found.really("heap", seen)
    found.most(f"heap, minute {first:g} to minute {last:g}: growth", after - before, 1, "MB")
    found.facts["heap"] = f"{before:.2f} MB, then {after:.2f} MB after a forced collection; {_frames(seen)}"


def _frames(seen: Measured) -> str:
    return (
        f"{len(seen.frames) / seen.seconds:.1f} frames/s, p50 {ahead(seen.frames, 0.5):.1f} ms,"
        f" p99 {ahead(seen.frames, P99):.1f} ms, longest {max(seen.frames, default=0):.0f} ms;"
        f" {seen.paints} pictures, {seen.pictures} of them different"
    )


@click.command()
@click.option("--short", is_flag=True, help="Within 50 s after the town has started; without the heap.")
@click.option("--part", type=click.Choice(["frames", "heap"]), help="Only this; the heap takes ten minutes.")
@click.option("--json", "file", type=click.Path(dir_okay=False), help="Write the outcome here.")
def main(short: bool, part: str | None, file: str | None) -> None:
    """Measure, print, judge."""
    scale, found, left_out = SHORT if short else Scale(), Findings(), []
    with town(VEHICLES) as address:
        if part != "heap":
            measure_frames(scale, address, found)
        else:
            left_out.append("everything but the heap")
        if scale.heap_minutes and part != "frames":
            measure_heap(scale.heap_minutes, address, found)
        else:
            left_out.append("the heap from minute 2 to minute 10")
    if short:
        left_out.append(f"watches of {SHORT.city:g} s instead of {Scale().city:g} s")
    found.facts["town"] = (
        f"{VEHICLES:,} vehicles at 1 Hz, {ORDERS} orders; {MANY_ORDERS:,} orders and {FEW_CREWS} crews"
    )
    outcome = Outcome(
        name="live_map", objectives=tuple(found.objectives), facts=found.facts, left_out=tuple(left_out),
        invalid="; ".join(found.wrong),
    )  # fmt: skip
    sys.exit(tell(outcome, file))


if __name__ == "__main__":
    main()
