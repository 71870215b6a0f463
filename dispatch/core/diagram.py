"""The life cycle as a Mermaid state diagram, drawn from the process definition."""

from __future__ import annotations

from datetime import timedelta

from dispatch.core.process import Process


def mermaid(process: Process) -> str:
    """A `stateDiagram-v2`: one arrow a transition, with its step and the time point that it sets."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in process.transitions.values():
        label = f"{row.step} ({row.point})" if row.point else row.step
        arrows.setdefault((row.state, row.to), []).append(label)
    lines = ["stateDiagram-v2", f"    [*] --> {process.first}: take_call (A)"]
    lines += [f"    {state} --> {to}: {', '.join(labels)}" for (state, to), labels in arrows.items()]
    lines += [f"    {state} --> [*]" for state in sorted(process.final)]
    return "\n".join(lines) + "\n"


def reference(process: Process) -> str:
    """Markdown tables of the definition: transitions, segments, watches."""
    head = f"# {process.title.get('en', process.name)} ({process.id})"
    note = "Made by `dispatch45 process tables` from the process file; do not edit."
    parts = [
        head,
        note,
        f"```mermaid\n{mermaid(process)}```",
        _steps(process),
        _segments(process),
        _watches(process),
    ]
    return "\n\n".join(parts) + "\n"


def _table(*rows: list[str]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def _steps(process: Process) -> str:
    table = [["step", "from", "to", "by", "point", "guards", "effects"]]
    for step, by in dict.fromkeys((r.step, r.by) for r in process.transitions.values()):
        rows = [r for r in process.transitions.values() if (r.step, r.by) == (step, by)]
        to = "stays" if all(r.to == r.state for r in rows) else rows[0].to
        lists = [", ".join(words) for words in (rows[0].guards, rows[0].effects)]
        table.append(
            [step, ", ".join(r.state for r in rows), to, ", ".join(sorted(rows[0].by)), rows[0].point, *lists]
        )
    return _table(*table)


def _segments(process: Process) -> str:
    table = [["segment", "limit", "owner"]]
    for segment in process.segments:
        special = [f"{area} {_minutes(limit)}" for area, limit in segment.by_area.items()]
        special += [f"same office {_minutes(segment.same_office)}"] if segment.same_office else []
        more = f" ({', '.join(special)})" if special else ""
        table.append([segment.name, _minutes(segment.limit) + more, segment.owner])
    return _table(*table)


def _watches(process: Process) -> str:
    table = [["watch", "from", "until", "rung", "after", "alerts", "phones", "a 1 means"]]
    for watch in process.watches:
        until = ", ".join(sorted(watch.until))
        begin = ", ".join([watch.start, *sorted(watch.again)])
        for number, rung in enumerate(watch.rungs, 1):
            after = _minutes(watch.limit if number == 1 else rung.after)
            alerts = ", ".join(rung.alert)
            table.append([watch.name, begin, until, str(number), after, alerts, rung.phone, rung.keypress])
        table.append([watch.name, "", "", "1 again", _minutes(watch.repeat), "and the manager", "", ""])
    return _table(*table)


def _minutes(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
