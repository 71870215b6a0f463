"""/healthz: each part with a state and a reason, also when it is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dispatch.adapters.redis.server import running
from dispatch.adapters.sql.audit import Report, keep_report
from dispatch.adapters.sql.organisation import set_fact
from dispatch.bootstrap import prepare
from dispatch.bootstrap.build import Built, build
from dispatch.bootstrap.health import Health
from dispatch.bootstrap.loops import HEARTBEAT
from dispatch.clock import SystemClock
from dispatch.core.outgoing import alert
from dispatch.messages import GatewayState, encode
from dispatch.services.ports import Changes, Settled
from dispatch.settings import Settings


@pytest.fixture
async def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Built]:
    monkeypatch.setenv("DISPATCH45_ADMIN", "boss:a long password")
    settings = prepare(Settings(data=tmp_path), speed=1, empty=True)
    with running(tmp_path, "no") as url:
        parts = await build(replace(settings, redis_url=url))
        yield parts
        await parts.close()


async def alive(built: Built) -> None:
    """A worker and a gateway have just reported."""
    now = SystemClock().now()
    await built.store.write(lambda c: set_fact(c, HEARTBEAT, now.isoformat()))
    await built.store.write(lambda c: keep_report(c, Report(now.isoformat(), ())))
    state = GatewayState("one", now.timestamp(), 3, 10, 0, 0)
    await built.redis.set("gateway:one", encode(state))


async def test_all_is_well_when_every_part_reports(built: Built) -> None:
    await alive(built)
    found = await Health(built)()
    assert found["status"] == "ok"
    assert {name: part["state"] for name, part in found["parts"].items()} == dict.fromkeys(
        ("sql", "redis", "gateway", "worker", "auditor", "web"), "ok"
    )
    assert "3 connections" in found["parts"]["gateway"]["reason"]


def started(built: Built, seconds: float) -> Health:
    """Of an installation that started so long ago."""
    mark = built.real.mark()
    mark = replace(mark, time=mark.time - seconds)
    return Health(replace(built, settings=replace(built.settings, time_mark=str(mark))))


async def test_what_is_not_due_yet_after_a_start_is_starting(built: Built) -> None:
    """Also where it spoke before the stop. What was heard since and fell silent, or is overdue, is down."""

    async def states(health: Health) -> tuple[str, str, str, str]:
        found = await health()
        return found["status"], *(found["parts"][name]["state"] for name in ("worker", "gateway", "auditor"))

    assert await states(Health(built)) == ("starting", "starting", "starting", "starting")
    assert await states(started(built, 65)) == ("degraded", "down", "down", "down")
    await alive(built)
    assert await states(started(built, 5)) == ("ok", "ok", "ok", "ok")
    before = (SystemClock().now() - timedelta(hours=1)).isoformat()
    await built.store.write(lambda c: set_fact(c, HEARTBEAT, before))
    await built.store.write(lambda c: keep_report(c, Report(before, ())))
    assert await states(started(built, 5)) == ("starting", "starting", "ok", "starting")
    past = (SystemClock().now() - timedelta(seconds=15)).isoformat()
    await built.store.write(lambda c: set_fact(c, HEARTBEAT, past))
    assert await states(started(built, 30)) == ("degraded", "down", "ok", "starting"), "it has spoken since"
    assert await states(started(built, 7200)) == ("degraded", "down", "ok", "down")
    health = started(built, 30)
    assert (await states(health))[2] == "ok"
    await built.redis.delete(*[key async for key in built.redis.scan_iter(match="gateway:*")])
    assert (await states(health))[2] == "down", "it has spoken since, and is gone"
    assert (await states(started(built, 30)))[2] == "starting"


async def test_a_silent_worker_and_gateway_are_named(built: Built) -> None:
    found = await started(built, 90)()
    assert found["status"] == "degraded"
    assert (
        found["parts"]["worker"].items() >= {"state": "down", "reason": "no worker has reported yet"}.items()
    )
    assert "no gateway" in found["parts"]["gateway"]["reason"]


async def test_a_worker_that_was_killed_is_noticed(built: Built) -> None:
    await alive(built)
    await built.store.write(lambda c: set_fact(c, HEARTBEAT, "2026-01-01T00:00:00+00:00"))
    part = (await started(built, 90)())["parts"]["worker"]
    assert part["state"] == "down"
    assert "silent for" in part["reason"]


async def test_the_auditors_findings_are_shown_and_its_silence_too(built: Built) -> None:
    assert (await Health(built)())["parts"]["auditor"]["reason"] == "the auditor has not looked yet"
    await alive(built)
    now = SystemClock().now()
    await built.store.write(lambda c: keep_report(c, Report(now.isoformat(), ("audit_clock_missing",))))
    found = await Health(built)()
    assert (found["status"], found["parts"]["auditor"]["state"]) == ("degraded", "degraded")
    assert found["parts"]["auditor"]["reason"].endswith("s ago: audit_clock_missing")
    past = (now - timedelta(minutes=2)).isoformat()
    await built.store.write(lambda c: keep_report(c, Report(past, ())))
    part = (await started(built, 300)())["parts"]["auditor"]
    assert part["state"] == "down"
    assert "silent for 12" in part["reason"]


async def test_what_was_given_up_is_counted_with_the_last_reason(built: Built) -> None:
    await alive(built)
    now = built.context.clock.now()
    told = [alert(key=key, role="manager", code="away_over", due=now) for key in ("one", "two", "long ago")]
    await built.store.transact(lambda loaded, at: Changes(None, outgoing=tuple(told)))
    rows = await built.store.lease(now + timedelta(1), now + timedelta(2), 10)
    long_ago, *others = reversed(rows)
    await built.store.settle([Settled(long_ago.id, "dead", "an old story")], now - timedelta(days=2))
    assert (await Health(built)())["parts"]["worker"]["state"] == "ok"
    for n, row in enumerate(others):
        at = now + timedelta(seconds=n)
        await built.store.settle([Settled(row.id, "dead", f"the mail server is full {n}")], at)
    found = await Health(built)()
    assert (found["status"], found["parts"]["worker"]["state"]) == ("degraded", "degraded")
    reason = found["parts"]["worker"]["reason"]
    assert "gave up 2 deliveries within a day, the last (alert): the mail server is full 1" in reason


async def test_redis_away_is_degraded_not_down(built: Built) -> None:
    await alive(built)
    await built.redis.shutdown(nosave=True)
    found = await Health(built)()
    assert found["status"] == "degraded"
    assert found["parts"]["redis"]["state"] == "down"
    assert found["parts"]["sql"]["state"] == "ok"


async def test_a_broken_database_is_down(built: Built, tmp_path: Path) -> None:
    await alive(built)
    built.store.engine.dispose()  # type: ignore[unused-coroutine]
    (tmp_path / "dispatch45.sqlite-wal").unlink(missing_ok=True)
    (tmp_path / "dispatch45.sqlite").write_bytes(b"no database" * 4096)
    found = await Health(built)()
    assert found["status"] == "down"
    assert found["parts"]["sql"]["state"] == "down"
