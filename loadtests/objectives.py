"""What every run ends with: a table of objectives, a JSON file if wished, and an exit code that tells the truth."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.table import Table


class Objective(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: `measured` has to be at least, or at most, `wanted`.

    With a `ceiling` it is the ratio of both that is held against `wanted`.
    """

    name: str
    measured: float
    wanted: float
    sense: Literal["at least", "at most"] = "at least"
    unit: str = ""
    ceiling: float | None = None

    @property
    def ratio(self) -> float | None:
        """Of what was measured to its ceiling."""
        return None if self.ceiling is None else self.measured / self.ceiling if self.ceiling else 0.0

    @property
    def met(self) -> bool:
        """Whether it is reached; what could not be measured (not a number) is not."""
        value = self.measured if self.ratio is None else self.ratio
        return value >= self.wanted if self.sense == "at least" else value <= self.wanted


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `left_out`: what it did not look at, in words; `facts`: figures beside the objectives."""

    name: str
    objectives: tuple[Objective, ...]
    facts: dict[str, float | int | str] = {}
    left_out: tuple[str, ...] = ()
    invalid: str = ""
    """Why the whole run proves nothing."""

    @property
    def exit_code(self) -> int:
        """0 only where every objective is met and the run is valid."""
        return 0 if self.objectives and not self.invalid and all(o.met for o in self.objectives) else 1


def tell(outcome: Outcome, file: str | None) -> int:
    """Print it, write it; gives the exit code."""
    console = Console(width=140)
    table = Table(title=f"{outcome.name}, {machine()}")
    for column in ("objective", "measured", "ceiling", "ratio", "met"):
        table.add_column(column, justify="left" if column == "objective" else "right")
    for one in outcome.objectives:
        ceiling = "" if one.ceiling is None else f"{one.ceiling:,.0f} {one.unit}"
        ratio = "" if one.ratio is None else f"{one.ratio:.3f}"
        measured = f"{_number(one.measured)} {one.unit}".strip()
        wanted = f"{one.sense} {one.wanted:g}{' of ceiling' if one.ceiling is not None else ' ' + one.unit}"
        table.add_row(f"{one.name}: {wanted}", measured, ceiling, ratio, "yes" if one.met else "NO")
    console.print(table)
    for name, value in outcome.facts.items():
        console.print(f"  {name}: {_number(value) if isinstance(value, float) else value}")
    for line in outcome.left_out:
        console.print(f"  left out: {line}")
    if outcome.invalid:
        console.print(f"INVALID: {outcome.invalid}")
    if file:
        Path(file).write_bytes(msgspec.json.format(msgspec.json.encode(as_json(outcome)), indent=2))
    return outcome.exit_code


def as_json(outcome: Outcome) -> dict[str, object]:
    """With what follows from it."""
    lines = [{**msgspec.to_builtins(o), "ratio": o.ratio, "met": o.met} for o in outcome.objectives]
    whole: dict[str, object] = msgspec.to_builtins(outcome)
    return {**whole, "objectives": lines, "machine": machine(), "exit_code": outcome.exit_code}


def machine() -> str:
    """What it ran on."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def ahead(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value % 1 == 0 else f"{value:.3g}"
