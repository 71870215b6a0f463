"""One order that nobody can read, and a storm of orders, hold up neither the alerts nor the crews of the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from dispatch.adapters.sql.audit import audited
from dispatch.adapters.sql.statements import ORDER
from dispatch.adapters.sql.views import Views
from dispatch.core.shortage import NO_FREE_CREW
from dispatch.core.types import Point
from dispatch.messages import Receipt
from dispatch.services import alerting, clocks, delivery, dispatcher, shortage
from dispatch.services.alert_text import Words
from dispatch.services.people import Scope
from dispatch.services.tracking import device_event
from tests.acceptance.test_too_few_crews import _at_centre, _waiting
from tests.dispatch.centre import DORA, Centre
from tests.dispatch.core.test_shortage import RULE


async def spoil(centre: Centre, order_id: str) -> None:
    await centre.store.write(
        lambda c: c.execute(update(ORDER).where(ORDER.c.id == order_id).values(process="nope@9")) and None
    )


async def _tell(centre: Centre) -> None:
    for kinds in (delivery.ALERTS, delivery.MESSAGES):
        await delivery.deliver_due(centre.context, centre.ports, kinds)


async def test_an_order_that_cannot_be_read_is_told_and_silences_nobody(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        await centre.take_call(Point(35.0 + n, 110.0))  # in no territory: the hotline is told
    await spoil(centre, "W1")
    await _tell(centre)
    assert [title.split(":")[0] for _, title in centre.mail.told] == ["3 alerts"]
    assert [f"order W{n}" in centre.mail.bodies[0] for n in (1, 2, 3)] == [True] * 3
    assert {row.state for row in await centre.rows(kind="message")} == {"done"}
    assert "order W1 cannot be read" in caplog.text


async def test_what_cannot_be_put_in_words_silences_nobody(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Words._time

    def fails(words: Words, news: Any) -> str:
        if news.order is not None and news.order.id == "W1":
            raise KeyError("a segment that the process does not have")
        return full(words, news)

    monkeypatch.setattr(Words, "_time", fails)
    for n in range(2):
        await centre.take_call(Point(35.0 + n, 110.0))
    await _tell(centre)
    assert "order W2" in centre.mail.bodies[0]


async def test_shortages_and_matching_go_on_beside_it(centre: Centre) -> None:
    waiting = await _waiting(centre, 3)
    await centre.until(3)
    await spoil(centre, waiting[0])
    assert await shortage.observe(centre.context, RULE) == 4, "two scopes of each of the other two"
    centre.context.policy = "nearest"
    await dispatcher.match_waiting(centre.context)


async def test_screens_and_the_auditor_show_the_others(centre: Centre) -> None:
    await _at_centre(centre, 2)
    await spoil(centre, "W1")
    board = await Views(centre.store, centre.context).board(Scope("manager"))
    assert [one.id for one in board.orders] == ["W2"]
    seen, unreadable = await centre.store.read(lambda c: audited(c, centre.context.processes, ["W1", "W2"]))
    assert ([one.order.id for one in seen], list(unreadable)) == (["W2"], ["W1"])


async def test_matching_dispatches_the_others(centre: Centre) -> None:
    orders = await _at_centre(centre, 2)
    centre.fix_all()
    await spoil(centre, orders[0])
    centre.context.policy = "nearest"
    assert await dispatcher.match_waiting(centre.context) == 1
    assert (await centre.order(orders[1])).crew_id


async def test_a_shortage_that_is_noted_already_writes_nothing(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortage, "AT_ONCE", 4)
    waiting = await _waiting(centre, 10)
    await centre.until(3)
    decided: list[int] = []
    real = centre.store.transact

    async def counted(decide: Any) -> Any:
        decided.append(1)
        return await real(decide)

    monkeypatch.setattr(centre.store, "transact", counted)
    assert await shortage.observe(centre.context, RULE) == 20
    assert len(decided) == 3, "of at most AT_ONCE orders"
    decided.clear()
    assert await shortage.observe(centre.context, RULE) == 0
    assert decided == []
    monkeypatch.undo()
    history = (await centre.order(waiting[-1])).history
    assert sum(one.kind == NO_FREE_CREW for one in history) == 2


@contextmanager
def _statements() -> Iterator[list[str]]:
    said: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


async def test_a_storm_of_letters_is_read_together_and_in_portions(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(12):
        await centre.sent(Point(30.01 + n / 200, 120.02), at=1.0)
    centre.clock.advance(600)
    while await clocks.fire_due(centre.context):
        pass
    while await delivery.deliver_due(centre.context, centre.ports, delivery.ALERTS):
        pass
    now = centre.clock.now()
    rows = await centre.store.lease(now, now + centre.context.real(30), 500, delivery.MESSAGES)
    assert len(rows) > 30

    async def read(portion: Any) -> int:
        with _statements() as said:
            await centre.store.transact(
                lambda loaded, at: alerting.Changes(alerting._look(centre.context, loaded, at, portion))
            )
        return sum(one.lstrip().startswith("SELECT") for one in said)

    assert await read(rows) <= await read(rows[:1]) + 1, "not one query a row"
    monkeypatch.setattr(alerting, "PORTION", 10)
    seen: list[int] = []
    look = alerting._look

    def counted(context: Any, loaded: Any, at: Any, portion: Any) -> Any:
        seen.append(len(portion))
        return look(context, loaded, at, portion)

    monkeypatch.setattr(alerting, "_look", counted)
    await alerting.send(centre.context, centre.ports.alerts, rows)
    assert max(seen) == 10
    assert sum(seen) == len(rows)
    assert any("alerts:" in title for _, title in centre.mail.told), "one letter of all portions"


async def test_recalls_are_confirmed_beside_one_that_cannot_be_read(centre: Centre) -> None:
    orders = [
        await centre.dispatched(crew, Point(30.02 + n / 100, 120.05), at=2.0 + n)
        for n, crew in enumerate(("N1", "N2"))
    ]
    centre.terminals.online.clear()
    for order_id in orders:
        await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await spoil(centre, orders[0])
    revision = (await centre.order(orders[1])).removing["t-N2"]
    seen = Receipt("t-N2", "", revision, "settled", centre.clock.timestamp())
    await device_event(centre.context, seen)
    assert not (await centre.order(orders[1])).removing
