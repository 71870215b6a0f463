"""The audit trail (D12): who did what, sealed in batches by a chain of hashes.

`note` adds a row in the transaction of what it tells of. A sealer, some seconds behind, takes what was committed:
for each batch it keeps the digest of every row and one hash over these and the hash before, so no commit waits
for it. `verify` computes everything anew and names each row that was altered, removed or put in between. A chain
that was made anew from some point on is found by a hash that was noted elsewhere (`dispatch45 audit head`).

Sealed are the histories of the orders with the decisions behind each dispatch, and the audit table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, and_, func, insert, select, text

from dispatch.adapters.sql import tables as t
from dispatch.adapters.sql.armed import ORDER
from dispatch.adapters.sql.definitions import kept_texts
from dispatch.adapters.sql.lines import EVENT

AUDIT: Table = t.AuditRow.__table__  # type: ignore[attr-defined]
SEAL: Table = t.SealRow.__table__  # type: ignore[attr-defined]
DECISION: Table = t.DecisionRow.__table__  # type: ignore[attr-defined]
SOURCES: Mapping[str, Table] = {"order_event": EVENT, "audit": AUDIT}
SEALED = {
    "order_event": ("id", "order_id", "seq", "kind", "at", "recorded_at", "by_role", "by_id", "key", "data"),
    "audit": ("id", "at", "by_role", "by_id", "action", "subject", "data"),
}
"""The columns that a digest covers: a column that a later version adds changes no digest."""
ADOPTED, KEPT = "adopt_process", "keep_process"
"""Notes of a definition that was put in force, and of the one that the program ships or a setting names."""
BATCH = 256
"""Rows under one seal."""
AT_ONCE = 20
"""Seals that one round makes, so that no transaction is long."""
DIGEST, LEAF = 16, 24
"""Bytes of a row's digest (the first ones of its SHA-256), and of it with the row's id."""
BEGINNING = "0" * 64
_LOCK = 45_045_006
"""PostgreSQL's advisory lock of the one sealer."""


@dataclass(frozen=True, slots=True)
class Note:
    """Who did what. `data` must hold no secret."""

    by_role: str
    by_id: str
    action: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


def note(connection: Connection, one: Note, now: datetime) -> None:
    """Keep it, in the transaction of what it tells of."""
    note_all(connection, [one], now)


def note_all(connection: Connection, all_of_them: Sequence[Note], now: datetime) -> None:
    """Keep them, in the transaction of what they tell of.

    On PostgreSQL the transaction has its number before the row has its id: else a sealer might look between the two,
    see nobody to wait for, and seal past the row (`settled`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_current_xact_id()"))
    rows = [
        {
            "at": now, "by_role": one.by_role, "by_id": one.by_id, "action": one.action, "subject": one.subject,
            "data": msgspec.to_builtins(dict(one.data)),
        }
        for one in all_of_them
    ]  # fmt: skip
    connection.execute(insert(AUDIT), rows)


def notes(
    connection: Connection, before: int, limit: int, actions: Collection[str] = ()
) -> list[dict[str, Any]]:
    """The newest notes (of these actions; none named: all) with ids below `before` (0: all), the newest first."""
    query = select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    query = query.where(AUDIT.c.action.in_(sorted(actions))) if actions else query
    query = query.where(AUDIT.c.id < before) if before else query
    return [dict(row._mapping) for row in connection.execute(query)]


def last_note(connection: Connection, kind: str, subject: str) -> dict[str, Any]:
    """Who last changed something, and when, as the facts of an error; empty where nobody did."""
    suffix = f"%{kind}"
    query = select(AUDIT.c.by_id, AUDIT.c.at).where(AUDIT.c.subject == subject, AUDIT.c.action.like(suffix))
    row = connection.execute(query.order_by(AUDIT.c.id.desc()).limit(1)).first()
    return {} if row is None else {"who": row.by_id, "when": row.at}


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to which id each source can be sealed once no transaction runs any more that began before `until`."""

    ids: Mapping[str, int]
    until: int


def horizon(connection: Connection) -> Horizon:
    """What is committed now. On PostgreSQL a lower id may still be under way: it is waited for.

    Its transaction had its number before we take ours. A snapshot does not tell: it ends before the newest numbers.
    """
    ids = {name: connection.execute(select(func.max(s.c.id))).scalar() or 0 for name, s in SOURCES.items()}
    until = 0
    if connection.dialect.name == "postgresql":
        query = text("SELECT pg_current_xact_id()::text")
        until = int(connection.execute(query).scalar_one())
    return Horizon(ids, until)


def settled(connection: Connection, seen: Horizon) -> bool:
    """Whether every transaction that may hold an id below the horizon has ended."""
    if connection.dialect.name != "postgresql":
        return True  # one writer: ids are committed in their order
    query = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    return int(connection.execute(query).scalar_one()) >= seen.until


def seal(connection: Connection, seen: Horizon, now: datetime) -> int:
    """Seal what lies below the horizon; the number of rows. Only one worker does it at a time."""
    if connection.dialect.name == "postgresql":
        query = select(func.pg_try_advisory_xact_lock(_LOCK))
        if not connection.execute(query).scalar():
            return 0
    number, head = _head(connection)
    rows = seals = 0
    for name in SOURCES:
        last = connection.execute(select(func.max(SEAL.c.last_id)).where(SEAL.c.source == name)).scalar() or 0
        while last < seen.ids[name] and seals < AT_ONCE:
            leaves = _leaves(connection, name, last, seen.ids[name], BATCH)
            if not leaves:
                break
            number, seals, rows = number + 1, seals + 1, rows + len(leaves)
            first, last, body = leaves[0][0], leaves[-1][0], b"".join(i.to_bytes(8) + d for i, d in leaves)
            sealed = _hash(head, name, first, last, body, now)
            row = {
                "id": number, "source": name, "first_id": first, "last_id": last, "leaves": body, "at": now,
                "previous": head, "hash": sealed,
            }  # fmt: skip
            connection.execute(insert(SEAL), row)
            head = sealed
    return rows


def head(connection: Connection) -> tuple[int, str]:
    """Number and hash of the newest seal: to be noted outside of this database."""
    return _head(connection)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed. `row`: `order_event 17`, or `seal 3`."""

    row: str
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and everything that is wrong."""

    seals: int
    rows: int
    unsealed: int
    """Rows that are too new to be sealed."""
    findings: Sequence[Finding]


def verify(connection: Connection, noted: str = "") -> Verified:
    """Compute everything anew. `noted`: a hash of the chain that was kept elsewhere and has to be in it."""
    findings: list[Finding] = []
    previous, rows, hashes, ends = BEGINNING, 0, {BEGINNING}, dict.fromkeys(SOURCES, 0)
    query = select(SEAL).order_by(SEAL.c.id)
    count = 0
    for count, s in enumerate(connection.execute(query), 1):
        if s.id != count or s.previous != previous or s.source not in SOURCES:
            findings.append(Finding(f"seal {s.id}", "does not follow the seal before it"))
        if _hash(s.previous, s.source, s.first_id, s.last_id, s.leaves, s.at) != s.hash:
            findings.append(Finding(f"seal {s.id}", "was altered"))
        if s.source in SOURCES:
            findings += _compare(connection, s, ends[s.source])
            ends[s.source] = s.last_id
        previous, rows = s.hash, rows + len(s.leaves) // LEAF
        hashes.add(s.hash)
    if noted and noted.lower() not in hashes:
        findings.append(Finding("the chain", f"does not hold the noted hash {noted}: it was made anew"))
    findings += [*_reports(connection), *_definitions(connection)]
    return Verified(count, rows, _unsealed(connection, ends), tuple(findings))


def _reports(connection: Connection) -> Iterator[Finding]:
    """Orders whose row says another moment of the report (A) than the first line of their history."""
    begun = and_(EVENT.c.order_id == ORDER.c.id, EVENT.c.seq == 1)
    query = select(ORDER.c.id, EVENT.c.at).join(EVENT, begun).where(EVENT.c.at != ORDER.c.reported_at)
    for row in connection.execute(query.order_by(ORDER.c.id)):
        yield Finding(
            f"order {row.id}", f"reported_at was altered: its history begins at {row.at.isoformat()}"
        )


def digest_of(definition: str) -> dict[str, str]:
    """What a note says of a process definition's text, which verify compares with the one that is kept."""
    return {"sha256": sha256(definition.encode()).hexdigest()}


def noted_definitions(connection: Connection) -> dict[str, str]:
    """The digest of each definition's text as it was noted last."""
    query = select(AUDIT.c.subject, AUDIT.c.data).where(AUDIT.c.action.in_([ADOPTED, KEPT]))
    rows = connection.execute(query.order_by(AUDIT.c.id))
    return {row.subject: row.data["sha256"] for row in rows if "sha256" in row.data}


def _definitions(connection: Connection) -> Iterator[Finding]:
    """Definitions, and so promises and limits, whose text is not the one that was noted."""
    kept = kept_texts(connection)
    for name, digest in sorted(noted_definitions(connection).items()):
        if digest_of(kept.get(name, ""))["sha256"] != digest:
            yield Finding(f"process {name}", "was altered" if name in kept else "was removed")


def _compare(connection: Connection, sealed: Any, after: int) -> Iterator[Finding]:
    """The rows of one seal as they are now, from behind the seal before."""
    leaves = (sealed.leaves[at : at + LEAF] for at in range(0, len(sealed.leaves), LEAF))
    was = {int.from_bytes(leaf[:8]): leaf[8:] for leaf in leaves}
    there = dict(_leaves(connection, sealed.source, after, sealed.last_id, None))
    for row_id in sorted({*was, *there}):
        name = f"{sealed.source} {row_id}"
        if row_id not in there:
            yield Finding(name, "was removed")
        elif row_id not in was:
            yield Finding(name, "was put in after its neighbours were sealed")
        elif there[row_id] != was[row_id]:
            yield Finding(name, "was altered")


def _leaves(
    connection: Connection, name: str, after: int, until: int, limit: int | None
) -> list[tuple[int, bytes]]:
    """Ids and digests of the rows behind `after` up to `until`."""
    source = SOURCES[name]
    query = select(*(source.c[column] for column in SEALED[name])).order_by(source.c.id).limit(limit)
    found = connection.execute(query.where(source.c.id > after, source.c.id <= until))
    rows = [dict(row._mapping) for row in found]
    if name == "order_event":
        _with_decisions(connection, [row for row in rows if row["kind"] == "dispatch"])
    return [(row["id"], _digest(row)) for row in rows]


def _with_decisions(connection: Connection, dispatches: list[dict[str, Any]]) -> None:
    """A dispatch is sealed together with why this crew was chosen: the nth with the nth decision."""
    if not dispatches:
        return
    orders = sorted({row["order_id"] for row in dispatches})
    query = select(EVENT.c.id, EVENT.c.order_id).where(
        EVENT.c.order_id.in_(orders), EVENT.c.kind == "dispatch"
    )
    counted: Counter[str] = Counter()
    generation = {}
    for row in connection.execute(query.order_by(EVENT.c.order_id, EVENT.c.seq)):
        counted[row.order_id] += 1
        generation[row.id] = counted[row.order_id]
    decided = connection.execute(select(DECISION).where(DECISION.c.order_id.in_(orders)))
    why = {(d.order_id, d.generation): dict(d._mapping) for d in decided}
    for one in dispatches:
        one["why"] = why.get((one["order_id"], generation[one["id"]]))


def _digest(row: Mapping[str, Any]) -> bytes:
    return sha256(msgspec.json.encode(row, order="deterministic")).digest()[:DIGEST]


def _hash(previous: str, source: str, first: int, last: int, leaves: bytes, at: datetime) -> str:
    named = f"{previous} {source} {first} {last} {at.isoformat()} ".encode()
    return sha256(named + leaves).hexdigest()


def _head(connection: Connection) -> tuple[int, str]:
    newest = connection.execute(select(SEAL.c.id, SEAL.c.hash).order_by(SEAL.c.id.desc()).limit(1)).first()
    return (0, BEGINNING) if newest is None else (newest.id, newest.hash)


def _unsealed(connection: Connection, ends: Mapping[str, int]) -> int:
    queries = (select(func.count()).where(s.c.id > ends[name]) for name, s in SOURCES.items())
    return sum(connection.execute(query).scalar_one() for query in queries)
