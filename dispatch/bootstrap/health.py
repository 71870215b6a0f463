"""What /healthz says of each part, with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from redis.exceptions import RedisError
from sqlalchemy import Connection, and_, func, select, text

from dispatch.adapters.sql.audit import AUDITOR, Report
from dispatch.adapters.sql.organisation import fact
from dispatch.adapters.sql.statements import OUTBOX
from dispatch.bootstrap.build import Built
from dispatch.bootstrap.loops import HEARTBEAT, beat_age
from dispatch.core.errors import DispatchError
from dispatch.messages import decode_gateway_state
from dispatch.tracker import Mark

LATE = 10.0
"""Real seconds after which a silent worker or gateway counts as down."""
AUDITOR_LATE = 40.0
"""The same for the auditor, which reports every 10 s and gives each look 20."""
STARTING = 60.0
"""Real seconds that the parts of an installation may take to report first, on a busy machine too."""
PATIENCE = 3.0
GIVEN_UP_WITHIN = timedelta(days=1)
"""What could not be delivered longer ago says nothing about now."""

REASONS = {
    "answers": "answers",
    "no_answer": "no answer within {seconds:g} s",
    "error": "{error}",
    "database": "{name}",
    "redis": "version {version}",
    "gateway": "{gateways} gateway(s), {connections} connections, {withheld} withheld; {listening}",
    "gateway_silent": "no gateway has reported for {seconds:g} s",
    "no_telephone": "none is configured",
    "telephone": "{said}",
    "worker": "reported {seconds} s ago",
    "worker_unheard": "no worker has reported yet",
    "worker_silent": "silent for {seconds} s",
    "gave_up": "gave up {number} deliveries within a day, the last ({kind}): {why}",
    "auditor": "looked {seconds} s ago",
    "auditor_found": "looked {seconds} s ago: {found}",
    "auditor_unheard": "the auditor has not looked yet",
    "auditor_silent": "the auditor is silent for {seconds} s",
}
"""Each reason's code, and its sentence. Pages have the sentence in their own language."""
Part = dict[str, Any]


def _part(state: str, code: str, **facts: Any) -> Part:
    return {"state": state, "reason": REASONS[code].format(**facts), "code": code, "facts": facts}


def _status(parts: Mapping[str, Part]) -> str:
    states = {part["state"] for part in parts.values()}
    if states <= {"ok", "starting"}:
        return "starting" if "starting" in states else "ok"
    return "down" if parts["sql"]["state"] == "down" else "degraded"


class Health:
    """Asks every part, each with a time limit."""

    def __init__(self, built: Built) -> None:
        self._built = built
        mark = Mark.of(built.settings.time_mark)
        self._started = mark.time if mark else float("-inf")
        self._gateway_seen = False

    async def __call__(self) -> dict[str, Any]:
        sql, redis, gateway, worker, auditor, telephone = await asyncio.gather(
            self._limited(self._sql()), self._limited(self._redis()), self._limited(self._gateway()),
            self._limited(self._worker()), self._limited(self._auditor()), self._limited(self._telephone()),
        )  # fmt: skip
        parts = {
            "sql": sql,
            "redis": redis,
            "gateway": gateway,
            "worker": worker,
            "auditor": auditor,
            "web": _part("ok", "answers"),
            **({"telephone": telephone} if self._built.phone is not None else {}),
        }
        return {"status": _status(parts), "parts": parts}

    async def _limited(self, asking: Any) -> Part:
        try:
            async with asyncio.timeout(PATIENCE):
                part: Part = await asking
                return part
        except TimeoutError:
            return _part("down", "no_answer", seconds=PATIENCE)
        except (RedisError, OSError, DispatchError) as error:
            return _part("down", "error", error=str(error))

    def _silent(self, age: float, code: str, **facts: Any) -> Part:
        """A part that nothing is heard of: down, but starting where it is not due since the installation's start.

        `age`: real seconds since it was heard.
        """
        up = self._built.real.now().timestamp() - self._started
        return _part("starting" if up < STARTING and age > up else "down", code, **facts)

    async def _sql(self) -> Part:
        await self._built.store.read(lambda c: c.execute(text("SELECT 1")).scalar())
        return _part("ok", "database", name=self._built.store.engine.dialect.name)

    async def _redis(self) -> Part:
        info = await self._built.redis.info("server")
        return _part("ok", "redis", version=info.get("valkey_version") or info.get("redis_version"))

    async def _gateway(self) -> Part:
        names = [key async for key in self._built.redis.scan_iter(match="gateway:*", count=1000)]
        found = [await self._built.redis.get(name) for name in names]
        states = [decode_gateway_state(raw) for raw in found if isinstance(raw, bytes)]
        if not states:
            age = LATE if self._gateway_seen else float("inf")
            return self._silent(age, "gateway_silent", seconds=LATE)
        self._gateway_seen = True
        ports = sorted(
            {(name, port) for s in states for name, port in s.ports.items()}, key=lambda one: one[1]
        )
        listening = ", ".join(f"{name} {port}" for name, port in ports)
        return _part(
            "ok", "gateway", gateways=len(states), listening=listening,
            connections=sum(s.connections for s in states), withheld=sum(s.withheld for s in states),
        )  # fmt: skip

    async def _telephone(self) -> Part:
        if self._built.phone is None:
            return _part("ok", "no_telephone")
        well, words = await self._built.phone.state()
        if well and words == "answers":  # what a page can say in its reader's language
            return _part("ok", "answers")
        return _part("ok" if well else "down", "telephone", said=words)

    async def _worker(self) -> Part:
        age = beat_age(await self._built.store.read(lambda c: fact(c, HEARTBEAT)), self._built.real.now())
        if age > LATE:
            heard = {} if age == float("inf") else {"seconds": round(age)}
            return self._silent(age, "worker_silent" if heard else "worker_unheard", **heard)
        since = self._built.context.clock.now() - GIVEN_UP_WITHIN
        number, kind, why = await self._built.store.read(lambda c: _undelivered(c, since))
        if number:
            return _part("degraded", "gave_up", number=number, kind=kind, why=why[:200])
        return _part("ok", "worker", seconds=round(age))

    async def _auditor(self) -> Part:
        """Codes only: which orders, the managers' alerts say."""
        kept = await self._built.store.read(lambda c: fact(c, AUDITOR))
        if not kept:
            return self._silent(float("inf"), "auditor_unheard")
        report = msgspec.json.decode(kept, type=Report)
        age = beat_age(report.looked, self._built.real.now())
        if age > AUDITOR_LATE:
            return self._silent(age, "auditor_silent", seconds=round(age))
        if report.findings:
            return _part("degraded", "auditor_found", seconds=round(age), found=", ".join(report.findings))
        return _part("ok", "auditor", seconds=round(age))


def _undelivered(connection: Connection, since: datetime) -> tuple[int, str, str]:
    """How many effects were given up since then; kind and outcome of the last one."""
    mine = and_(OUTBOX.c.state == "dead", OUTBOX.c.settled_at > since)
    number = connection.execute(select(func.count()).select_from(OUTBOX).where(mine)).scalar_one()
    query = select(OUTBOX.c.kind, OUTBOX.c.outcome).where(mine).order_by(OUTBOX.c.settled_at.desc())
    last = connection.execute(query.limit(1)).first()
    return (number, last.kind, last.outcome) if last else (0, "", "")
