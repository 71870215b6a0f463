"""Too few crews are noticed on the orders that wait, reported to their leaders, and followed up to an end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.statements import ALERT
from dispatch.core import shortage as rules
from dispatch.core.errors import Conflict
from dispatch.core.shortage import NO_FREE_CREW
from dispatch.core.types import Actor, Point
from dispatch.services import delivery, dispatcher, hotline, shortage
from dispatch.services.alert_text import News, Words
from dispatch.services.ports import Changes
from tests.dispatch.centre import DORA, HERE, HOLLY, START, Centre
from tests.dispatch.core.test_shortage import RULE

MONA = Actor("manager", "mona")


async def _at_centre(centre: Centre, number: int) -> list[str]:
    """So many orders, each at a place of its own, have reached the centre."""
    places = [Point(HERE.lat + n / 500, HERE.lon) for n in range(number)]
    orders = [await centre.call(place) for place in places]
    for order in orders:
        await hotline.send(centre.context, order, by=HOLLY)
    await centre.until(0.5)
    return orders


async def _waiting(centre: Centre, number: int) -> list[str]:
    """All crews of the centre are busy, and so many orders wait."""
    busy, waiting = (orders := await _at_centre(centre, 3 + number))[:3], orders[3:]
    for order, crew in zip(busy, ("N1", "N2", "N3"), strict=True):
        await dispatcher.dispatch(centre.context, order, crew_id=crew, by=DORA)
    return waiting


async def _look(centre: Centre) -> list[rules.Report]:
    await shortage.observe(centre.context, RULE)
    return await shortage.report(centre.context, SqlShortages(centre.store), RULE)


async def test_orders_that_nobody_can_take_become_a_report_with_its_evidence(centre: Centre) -> None:
    waiting = await _waiting(centre, RULE.orders)
    assert await _look(centre) == [], "nobody has waited long enough yet"
    await centre.until(3)
    opened = await _look(centre)
    assert sorted({one.scope.key for one in opened}) == ["north/service", "north/service/d-north"]
    assert [o.order_id for o in opened[0].evidence] == waiting
    history = (await centre.order(waiting[0])).history
    (seen, _) = [e for e in history if e.kind == NO_FREE_CREW]
    assert (seen.data["busy"], seen.data["away"], seen.data["crews"]) == (3, 0, 3)
    assert await centre.alerts("shortage") == ["manager", "dispatcher", "manager", "dispatcher"]
    (row, *_) = await centre.store.read(
        lambda c: c.execute(select(ALERT).where(ALERT.c.code == "shortage")).all()
    )
    assert any(
        leader.phone in row.facts["leaders"][0]
        for leader in shortage.leaders(centre.context, opened[0].scope)
    )


async def test_looking_again_changes_nothing(centre: Centre) -> None:
    waiting = await _waiting(centre, RULE.orders)
    await centre.until(3)
    assert len(await _look(centre)) == 2
    version = (await centre.order(waiting[0])).version
    await centre.until(4)
    assert await _look(centre) == []
    kinds = [e.kind for e in (await centre.order(waiting[0])).history[version:]]
    assert NO_FREE_CREW not in kinds


async def test_a_free_crew_is_no_shortage(centre: Centre) -> None:
    await _at_centre(centre, 2 * RULE.orders)
    await centre.until(10)
    assert await _look(centre) == []


async def test_a_report_that_nobody_takes_up_is_told_again_until_it_ends(centre: Centre) -> None:
    await _waiting(centre, RULE.orders)
    await centre.until(3)
    name = (await _look(centre))[0].id
    kept = SqlShortages(centre.store)
    centre.clock.advance(RULE.answer_within.total_seconds())
    told = await _look(centre)
    assert [one.steps[-1].kind for one in told] == ["told_again", "told_again"]
    assert "shortage_again" in [r.code for r in await centre.rows(ALERT)]
    until = centre.clock.now() + timedelta(days=7)
    taken = await shortage.follow(
        centre.context, kept, name, lambda one, by, now: rules.take_up(one, "hire", until, by, now), MONA
    )
    assert taken.state == "taken_up"
    await shortage.follow(
        centre.context, kept, name, lambda one, by, now: rules.close(one, "hired", by, now), MONA
    )
    assert [one.id for one in await kept.reports(closed=False)] != [name]
    ended = next(one for one in await kept.reports() if one.id == name)
    assert [(s.kind, s.by.id) for s in ended.steps][-2:] == [("took_up", "mona"), ("closed", "mona")]


async def test_of_two_who_follow_up_at_once_one_is_told(centre: Centre) -> None:
    await _waiting(centre, RULE.orders)
    await centre.until(3)
    one = (await _look(centre))[0]
    kept = SqlShortages(centre.store)
    noted = rules.add_note(one, "mine", MONA, centre.clock.now())
    await kept.save(noted)
    with pytest.raises(Conflict, match="somebody else was first"):
        await kept.save(noted)
    with pytest.raises(Conflict, match="open report already"):
        await kept.save(rules.open_report(one.scope, one.evidence, MONA, START))


async def test_the_letter_says_whose_it_is_how_often_and_what_to_do(centre: Centre) -> None:
    await _waiting(centre, RULE.orders)
    await centre.until(3)
    await _look(centre)
    for kinds in (delivery.ALERTS, delivery.MESSAGES):
        await delivery.deliver_due(centre.context, centre.ports, kinds)
    context, now = centre.context, centre.clock.now()
    rows = await centre.rows(ALERT, code="shortage", role="manager")
    told = await centre.store.transact(lambda loaded, _: Changes(loaded.alerts([row.key for row in rows])))
    (one,) = [news for news in told.values() if news.facts["department"]]
    body = Words(context, "en", now).letter([News(one)]).body
    assert "Trade: Services and meters" in body
    assert f"Department: {context.directory.departments['d-north'].name}" in body
    assert f"Orders without a free crew: {RULE.orders}" in body
    assert all(leader in body for leader in one.facts["leaders"])
    assert "Call the leaders" in body
    assert "请联系负责人" in Words(context, "zh-CN", now).letter([News(one)]).body
