"""What a replay shows: figures beside what really happened."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from simulators.outages.report import Figures

BESIDE = {"AB": "", "CD": "start_to_assigned", "FG": "assigned_to_enroute", "GH": "enroute_to_onsite"}
"""The real stage that a segment can be compared with."""


def show(console: Console, report: Figures, run_time_s: float) -> None:
    """Print the tables of one replay."""
    said = report["inputs"]
    title = f"{said['date']}, {said['crews']['number']} crews, {said['policy']}, seed {said['seed']}"
    console.print(_figures(report, title))
    console.print(_counts("Escalations", "watch and rung", _rungs(report["escalations"])))
    console.print(_counts("Minutes over limits", "owner", report["late_by_owner"]))
    skipped = said["skipped_rows"]["number"]
    console.print(f"Rows skipped: {skipped}   run time: {run_time_s:.1f} s")


def _figures(report: Figures, title: str) -> Table:
    real = report["actual"]
    table = Table("", "replay p50", "p90", "really p50", "p90", title=title)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in ("calls", "joined", "orders", "closed", "lost"):
        table.add_row(
            name, str(report[name]), "", str(real["n"]) + " arrivals" if name == "calls" else "", ""
        )
    table.add_row("within 45 min", _percent(report["within_45_pct"]), "", _percent(real["within_45_pct"]), "")
    table.add_section()
    for name, spread in report["segments"].items():
        table.add_row(name, *_spread(spread), *_spread(real["stages"].get(BESIDE.get(name, ""), {})))
    table.add_row("A to H", *_spread(report["total"]), *_spread(real["total"]), style="bold")
    table.caption = "real stages: to assigned beside CD, to en route beside FG, to on site beside GH"
    return table


def _counts(title: str, what: str, counts: dict[str, Any]) -> Table:
    table = Table(what, title, title_justify="left")
    table.columns[1].justify = "right"
    for name, value in sorted(counts.items()):
        table.add_row(name, str(value))
    return table


def _rungs(escalations: dict[str, dict[str, int]]) -> dict[str, int]:
    return {f"{watch} {rung}": n for watch, rungs in escalations.items() for rung, n in rungs.items()}


def _spread(spread: dict[str, float | None]) -> tuple[str, str]:
    return _clock(spread.get("p50")), _clock(spread.get("p90"))


def _clock(seconds: float | None) -> str:
    """Minutes and seconds."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1f} %"
