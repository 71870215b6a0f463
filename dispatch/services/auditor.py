"""The auditor: what must never stand in the database of a system that works, and when to say it.

Pure: `judge` takes what was seen in one look, `Watchlist` what was found so far. Neither trusts the workers: clocks
are computed anew from the orders' histories by the core.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from dispatch.core.escalation import RUNG, Clock, clocks
from dispatch.core.work_order import WorkOrder
from dispatch.services.ports import Processes

OVERDUE = 5.0
"""Real seconds that a clock may be late."""
SILENT = 10.0
"""Real seconds without a worker's heartbeat."""
STUCK = 60.0
"""Real seconds after which an effect that is due and that nobody takes is stuck."""
WAITING = 600.0
"""Real seconds after which an effect that is tried again and again is told about."""
LONG = 60.0
"""Seconds that a transaction may last; it keeps the index of due times from being cleaned."""
DUMP = 3600.0
"""The same for pg_dump, whose look at the whole database is one transaction."""
DIVERGING = 1.0
"""Seconds by which two clocks may differ."""
LARGEST_WAL = 256 * 1024 * 1024
"""Bytes of SQLite's write-ahead log: beyond it, somebody reads for ever."""
FAILING = 3
"""Telephone calls, all of those that ended within an hour, after which it is not the numbers any more."""
NAMED = 5
"""Examples that a finding names."""

Fact = str | int | float


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now. `code` names it (with `about`, where there can be several); it is translated by whoever
    shows it."""

    code: str
    about: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.code}/{self.about}" if self.about else self.code

    def text(self) -> str:
        """The facts in one line."""
        facts = {"about": self.about, **self.facts} if self.about else self.facts
        return ", ".join(f"{name} {value}" for name, value in facts.items())


@dataclass(frozen=True, slots=True)
class Lateness:
    """How many clocks are overdue, and the oldest of them."""

    count: int
    oldest: Sequence[tuple[str, str, datetime]]
    """Order, clock, due."""


@dataclass(frozen=True, slots=True)
class Held:
    """Outbox rows of one kind that are stuck, waiting or dead: how many, and since when the oldest."""

    how: Literal["stuck", "waiting", "dead"]
    kind: str
    count: int
    oldest: datetime
    outcome: str


@dataclass(frozen=True, slots=True)
class Calls:
    """Telephone calls that ended within the last hour, except those that were cut; how many of them failed, with what
    outcome."""

    ended: int = 0
    failed: int = 0
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class LongTransaction:
    """A transaction that is open for so many seconds. `program`: as it calls itself."""

    who: str
    program: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Audited:
    """An order as its history says, beside what stands for it in the tables."""

    order: WorkOrder
    state: str
    version: int
    acknowledged: bool
    armed: frozenset[Clock]


@dataclass(frozen=True, slots=True)
class Seen:
    """One look."""

    now: datetime
    """The installation's time (scaled in a demonstration)."""
    speed: float
    beat_age: float
    """Real seconds since the last heartbeat of a worker."""
    apart: Mapping[str, float]
    """Seconds by which other clocks are ahead of this process's: the machine's, the database's, the workers'."""
    late: Lateness
    held: Sequence[Held] = ()
    transactions: Sequence[LongTransaction] = ()
    orders: Sequence[Audited] = ()
    unreadable: Sequence[str] = ()
    """Orders that cannot be folded from their histories: nobody but people can go on with them."""
    wal: int = 0
    """Bytes of SQLite's write-ahead log."""
    calls: Calls = Calls()


def judge(seen: Seen, processes: Processes) -> list[Finding]:
    """Everything that is wrong."""
    return [
        *_worker(seen),
        *_late(seen),
        *_clocks(seen),
        *_outbox(seen),
        *_calls(seen.calls),
        *_database(seen),
        *_orders(seen, processes),
    ]


def _worker(seen: Seen) -> Iterable[Finding]:
    if seen.beat_age > SILENT:
        silent = {} if seen.beat_age == float("inf") else {"seconds": round(seen.beat_age)}
        yield Finding("audit_worker_silent", facts=silent)


def _late(seen: Seen) -> Iterable[Finding]:
    if seen.late.count:
        oldest = [f"{order} {clock}" for order, clock, _ in seen.late.oldest[:NAMED]]
        worst = (seen.now - seen.late.oldest[0][2]).total_seconds() / seen.speed
        facts: dict[str, Fact] = {
            "count": seen.late.count, "seconds": round(worst, 1), "oldest": "; ".join(oldest)
        }  # fmt: skip
        yield Finding("audit_clocks_overdue", facts=facts)


def _clocks(seen: Seen) -> Iterable[Finding]:
    apart = {name: round(seconds, 1) for name, seconds in seen.apart.items() if abs(seconds) > DIVERGING}
    if apart:
        yield Finding("audit_clocks_diverge", facts=apart)


def _outbox(seen: Seen) -> Iterable[Finding]:
    for held in seen.held:
        since = round((seen.now - held.oldest).total_seconds() / seen.speed)
        facts: dict[str, Fact] = {"count": held.count, "seconds": since}
        if held.outcome:
            facts["outcome"] = held.outcome[:200]
        yield Finding(f"audit_outbox_{held.how}", held.kind, facts)


def _calls(calls: Calls) -> Iterable[Finding]:
    """Each of them is settled as it should be, and kept on its order: only together they say that nobody is rung."""
    if calls.failed >= FAILING and calls.failed == calls.ended:
        yield Finding("audit_calls_fail", facts={"count": calls.failed, "outcome": calls.outcome[:200]})


def _database(seen: Seen) -> Iterable[Finding]:
    long = [t for t in seen.transactions if t.seconds > (DUMP if t.program == "pg_dump" else LONG)]
    if long:
        worst = max(long, key=lambda t: t.seconds)
        facts: dict[str, Fact] = {"count": len(long), "seconds": round(worst.seconds), "who": worst.who}
        yield Finding("audit_transaction_open", facts=facts)
    if seen.wal > LARGEST_WAL:
        yield Finding("audit_wal_grows", facts={"megabytes": seen.wal // 1024**2})


def _orders(seen: Seen, processes: Processes) -> Iterable[Finding]:
    """Each order's tables against its history."""
    wrong: dict[str, list[str]] = {"audit_order_unreadable": list(seen.unreadable)} if seen.unreadable else {}
    for one in seen.orders:
        for code in _faults(one, processes):
            wrong.setdefault(code, []).append(one.order.id)
    for code, orders in sorted(wrong.items()):
        yield Finding(code, facts={"count": len(orders), "orders": " ".join(orders[:NAMED])})


def _faults(one: Audited, processes: Processes) -> Iterable[str]:
    process = processes.of(one.order)
    expected = frozenset(clocks(one.order, process))
    if not expected and not one.acknowledged and one.order.state not in process.final:
        yield "audit_nobody_waits"
    if expected - one.armed:
        yield "audit_clock_missing"
    if one.armed - expected:
        yield "audit_clock_left"
    if (one.state, one.version) != (one.order.state, one.order.version):
        yield "audit_facts_differ"
    rungs = Counter(
        (e.data.get("watch"), e.data.get("generation"), e.data.get("cycle"), e.data.get("rung"))
        for e in one.order.history
        if e.kind == RUNG
    )
    if any(times > 1 for times in rungs.values()):
        yield "audit_rung_doubled"


Kind = Literal["begins", "goes_on", "solved"]


@dataclass(frozen=True, slots=True)
class Word:
    """Something to be said about a finding, which began at `since` (seconds of a clock that never steps)."""

    kind: Kind
    finding: Finding
    since: float


@dataclass
class _Known:
    finding: Finding
    since: float
    said: float
    clean: int = 0


class Watchlist:
    """What was found so far: each finding is said once when it begins, again every `again` seconds while it lasts, and when
    it is solved, which takes `clean` looks without it, so that one that comes and goes is not said at each turn."""

    def __init__(self, again: float = 900.0, clean: int = 3) -> None:
        self._again, self._clean = again, clean
        self._known: dict[str, _Known] = {}

    @property
    def findings(self) -> list[Finding]:
        """What is not solved."""
        return [known.finding for known in self._known.values()]

    def see(self, findings: Sequence[Finding], at: float) -> list[Word]:
        """What is to be said after a look."""
        words: list[Word] = []
        present = {finding.name: finding for finding in findings}
        for name, finding in present.items():
            known = self._known.get(name)
            if known is None:
                self._known[name] = _Known(finding, at, at)
                words.append(Word("begins", finding, at))
                continue
            known.finding, known.clean = finding, 0
            if at - known.said >= self._again:
                known.said = at
                words.append(Word("goes_on", finding, known.since))
        for name, known in list(self._known.items()):
            if name not in present:
                known.clean += 1
                if known.clean >= self._clean:
                    del self._known[name]
                    words.append(Word("solved", known.finding, known.since))
        return words


def late_since(now: datetime, speed: float) -> datetime:
    """A clock that was due before this is overdue."""
    return now - timedelta(seconds=OVERDUE * speed)
