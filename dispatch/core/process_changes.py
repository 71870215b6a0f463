"""What differs between two process definitions, in words: for whoever is about to adopt the newer one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from dispatch.core.chains import Rung, Watch
from dispatch.core.process import Process, Segment, Transition


def differences(before: Process, after: Process) -> list[str]:
    """One line for each change: steps, limits, promises, watches, rungs, who is told, reasons, what can be reported."""
    lines = [
        *_each("step", _steps(before), _steps(after), _step),
        *_each("segment", {s.name: s for s in before.segments}, {s.name: s for s in after.segments}, _segment),
        *_each("promise", before.promise, after.promise, _value),
        *_each("watch", {w.name: w for w in before.watches}, {w.name: w for w in after.watches}, _watch),
        *_each("owner", before.owners, after.owners, lambda a, b: _rung_words((a.told, a.superior), (b.told, b.superior))),
        *_each("reason", before.reasons, after.reasons, lambda a, b: _value(a.cause, b.cause)),
        *_each("fault type", before.fault_types, after.fault_types, _value),
        *_each("voltage", before.voltages, after.voltages, _value),
        *_each("chase", before.chase_priority, after.chase_priority, _value),
    ]  # fmt: skip
    for name, one, two in (
        ("first state", before.first, after.first),
        ("final states", sorted(before.final), sorted(after.final)),
        ("repeat radius", before.repeat_radius, after.repeat_radius),
        ("repeat priority", before.repeat_priority, after.repeat_priority),
    ):
        lines += [f"{name}: {text}" for text in _value(one, two)]
    return lines


def _each(what: str, before: Mapping[Any, Any], after: Mapping[Any, Any], compare: Any) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield f"{what} {name}: is no more"
        elif name not in before:
            yield f"{what} {name}: is new"
        else:
            yield from (f"{what} {name}: {text}" for text in compare(before[name], after[name]))


def _steps(process: Process) -> dict[str, Transition]:
    return {f"{row.step} from {row.state}": row for row in process.transitions.values()}


def _step(a: Transition, b: Transition) -> Iterator[str]:
    for name in ("to", "by", "point", "guards", "effects", "withdraws"):
        yield from _named(name, getattr(a, name), getattr(b, name))


def _segment(a: Segment, b: Segment) -> Iterator[str]:
    yield from _named("limit", a.limit, b.limit)
    yield from _named("limit in the same office", a.same_office, b.same_office)
    yield from _named("owner", a.owner, b.owner)
    for area in dict.fromkeys([*a.by_area, *b.by_area]):
        yield from _named(f"limit {area}", a.by_area.get(area), b.by_area.get(area))


def _watch(a: Watch, b: Watch) -> Iterator[str]:
    for name, key in (("from", "start"), *((n, n) for n in ("until", "again", "limit", "repeat", "pause"))):
        yield from _named(name, getattr(a, key), getattr(b, key))
    yield from _rung_words(a.rungs, b.rungs)


def _rung_words(a: tuple[Rung, ...], b: tuple[Rung, ...]) -> Iterator[str]:
    for number in range(max(len(a), len(b))):
        one = _rung(a[number]) if number < len(a) else "nothing"
        two = _rung(b[number]) if number < len(b) else "nothing"
        yield from _named(f"rung {number + 1}", one, two)


def _rung(rung: Rung) -> str:
    words = [f"after {_say(rung.after)}", f"alerts {_say(rung.alert)}"]
    if rung.channels != ("page", "message"):
        words.append(f"by {_say(rung.channels)}")
    if rung.phone:
        words.append(f"rings {rung.phone}{f' of the {rung.of}' if rung.of else ''} (1: {rung.keypress})")
    if rung.quiet:
        least = rung.quiet.unless_priority
        words.append(f"quiet {rung.quiet}{f' below priority {least}' if least else ''}")
    return ", ".join(words)


def _named(name: str, a: Any, b: Any) -> Iterator[str]:
    yield from (f"{name} {text}" for text in _value(a, b))


def _value(a: Any, b: Any) -> Iterator[str]:
    if a != b:
        yield f"{_say(a)} becomes {_say(b)}"


def _say(value: Any) -> str:
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
    if isinstance(value, frozenset | list | tuple):
        return ", ".join(sorted(value) if isinstance(value, frozenset) else value) or "nobody"
    if isinstance(value, Mapping):
        return " / ".join(str(v) for v in value.values()) or "no title"
    return "none" if value in {None, ""} else str(value)
