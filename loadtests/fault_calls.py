"""The exchange's own call log against the outbox and the attempts in the histories."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from dispatch.adapters.sql.statements import EVENT, OUTBOX
from dispatch.services.ringing import APART
from loadtests.fault_findings import AFTER, CALLS, MINUTE, Answers, Findings, Ground
from simulators.phone_log import CallLine, Entry


def calls_of(file: Path) -> Iterator[CallLine]:
    decode = msgspec.json.Decoder(Entry).decode
    for line in file.read_bytes().splitlines() if file.exists() else ():
        entry = decode(line)
        if isinstance(entry, CallLine):
            yield entry


def against_the_exchange(
    connection: Connection, ground: Ground, calls: Sequence[CallLine], answers: Answers, found: Findings
) -> None:
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(OUTBOX).where(OUTBOX.c.kind == "phone", OUTBOX.c.call_id != "")):
        rows[row.call_id].append(row)
    numbers: dict[str, set[str]] = defaultdict(set)
    dialled = select(EVENT.c.data).where(
        EVENT.c.kind == "attempt", EVENT.c.data["state"].as_string() == "dialling"
    )
    for data in connection.execute(dialled).scalars():
        numbers[data["call_id"]].add(data["number"])
    rung: dict[str, list[datetime]] = defaultdict(list)
    times = Counter(call.request.call_id for call in calls)
    within = 0
    for call in calls:
        request = call.request
        rung[request.number].append(call.at)
        if (
            times[request.call_id] != 1
            or numbers[request.call_id] != {request.number}
            or not rows[request.call_id]
        ):
            found.add(CALLS, f"{request.call_id} to {request.number}: {numbers[request.call_id]}")
        ends = [
            answers.get((r.order_id, int(r.data["generation"])))
            for r in rows[request.call_id]
            if r.data["watch"] == "crew"
        ]
        if (
            ends
            and len(ends) == len(rows[request.call_id])
            and all(end is not None and end < call.at for end in ends)
        ):
            after = max(call.at - end for end in ends if end is not None)
            within += after <= ground.lease
            if after > ground.lease:
                found.add(AFTER, f"{request.call_id} rang {after} after the last answer")
    gaps = []
    for number, instants in rung.items():
        for one, other in pairwise(sorted(instants)):
            gaps.append((other - one).total_seconds())
            if other - one < APART - ground.tolerance:
                found.add(MINUTE, f"{number} at {one} and {other}")
    carried = sum(len(rows[call.request.call_id]) for call in calls)
    found.facts["telephone"] = (
        f"{len(calls):,} calls rang at the exchange for {carried:,} rungs; the shortest time between two to one number"
        f" {min(gaps, default=float('nan')):.1f} s; {within} began within the lease after the answer"
    )
