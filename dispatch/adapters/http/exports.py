"""A period's orders as CSV, and with its figures as a workbook. Text that a spreadsheet would take for a formula is
marked as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.workbook import Workbook  # type: ignore[import-untyped]

from dispatch.core.compliance import ENDS
from dispatch.core.listed import Listed
from dispatch.core.sheet import SEGMENTS
from dispatch.services.review import Review

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = (
    "id", "day", "state", "centre_id", "crew_id", "trade", "area_class", "fault_type", "cause", "address",
    "reported_at", "deadline", "arrived_at", "total_s", "within", *(f"{name}_s" for name in SEGMENTS), "over_limits",
    "escalations", "joined", "satisfied",
)  # fmt: skip
SHARES = ("name", "orders", "arrived", "judged", "within", "within_pct")


def csv_head() -> str:
    """The line of column names."""
    return _lines([COLUMNS])


def csv_lines(rows: Iterable[tuple[Listed, str]]) -> str:
    """Orders with their addresses, one a line."""
    return _lines([[_cell(value) for value in _values(one, address)] for one, address in rows])


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _values(one: Listed, address: str) -> list[Any]:
    late = "; ".join(f"{part.label} {part.owner} {part.excess_s:.0f}" for part in one.late)
    own = [address if name == "address" else getattr(one, name) for name in COLUMNS[:15]]
    return [*own, *(one.segments.get(name) for name in SEGMENTS), late, one.rungs, one.joined, one.satisfied]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return f"'{value}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def workbook(found: Review, rows: Sequence[tuple[Listed, str]], zone: tzinfo) -> bytes:
    """A sheet of figures for each table of the desk, and one of orders; times are local, durations in seconds."""
    out = io.BytesIO()
    options = {
        "in_memory": True, "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
    }  # fmt: skip
    book = xlsxwriter.Workbook(out, options)
    for name, head, lines in _tables(found):
        _write(book, name, head, lines)
    orders = ([_plain(value, zone) for value in _values(one, address)] for one, address in rows)
    _write(book, "orders", COLUMNS, orders)
    book.close()
    return out.getvalue()


def _tables(found: Review) -> Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]:
    figures, past = found.figures, found.figures.previous
    period = found.period
    yield "period", ("", "this period", "the period before"), [
        ("from", period.first.isoformat(), period.before.first.isoformat()),
        ("to", period.last.isoformat(), period.before.last.isoformat()),
        ("measured at", found.as_of.isoformat() if found.as_of else "", ""),
        *((f"only {name}", value, value) for name, value in period.wanted.items()),
        *((name, getattr(figures, name), getattr(past, name)) for name in SHARES[1:]),
        ("seconds over segment limits", figures.late_seconds, past and past.late_seconds),
        *((f"total {p}", getattr(figures.total, p), past and getattr(past.total, p)) for p in ("n", "p50", "p90", "p95")),
    ]  # fmt: skip
    segment = ("name", "limit_s", "owner", "n", "p50", "p90", "p95", "median_plus_1min", "overruns")
    yield "segments", segment, [[getattr(one, name) for name in segment] for one in figures.segments]
    yield (
        "over limits by owner",
        ("owner", "seconds over segment limits", "orders"),
        [(one.owner, one.seconds, one.orders) for one in figures.late_by_owner],
    )
    yield (
        "escalations",
        ("watch", "rung", "count", *ENDS, "median_s"),
        [
            (one.watch, one.rung, one.count, *(one.ends[end] for end in ENDS), one.median_s)
            for one in figures.escalations
        ],
    )
    for name, shares in figures.by.items():
        yield f"by {name}", SHARES, [[getattr(one, key) for key in SHARES] for one in shares]
    yield (
        "crews",
        ("crew", "orders", "busy_s", "shift_s", "used_pct"),
        [(one.crew, one.orders, one.busy_s, one.shift_s, one.used_pct) for one in found.used],
    )
    yield (
        "no free crew",
        ("hour", "orders", "missed"),
        [(one.hour, one.orders, one.missed) for one in found.short_hours],
    )


def _write(book: Workbook, name: str, head: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    page = book.add_worksheet(name)
    page.freeze_panes(1, 0)
    page.set_column(0, len(head) - 1, 14)
    page.write_row(0, 0, head, book.add_format({"bold": True}))
    for number, line in enumerate(lines, start=1):
        page.write_row(number, 0, line)


def _plain(value: Any, zone: tzinfo) -> Any:
    return (
        value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
        if hasattr(value, "astimezone")
        else value
    )
