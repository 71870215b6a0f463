"""Article: an alert is in the pages as long as it is true; who ended it, and by which step, stays with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.statements import ALERT
from dispatch.adapters.sql.views import Views
from dispatch.core import shortage as rules
from dispatch.core.errors import Conflict, GuardRefused
from dispatch.core.outgoing import Outgoing, alert
from dispatch.core.shortage import Scope as ShortageScope
from dispatch.core.types import Actor, Point
from dispatch.core.work_order import take
from dispatch.messages import Receipt
from dispatch.services import chases, clocks, crew, dispatcher, hotline, shortage
from dispatch.services.people import Scope
from dispatch.services.ports import Changes, Loaded
from dispatch.services.tracking import device_event
from tests.dispatch.centre import DORA, HOLLY, PROCESS, START, Centre, refused

NEXT_DOOR = Point(30.02, 120.02)
MONA = Actor("manager", "mona")
Sounding = list[tuple[str, str]]


async def sounding(centre: Centre, **where: Any) -> Sounding:
    """What sounds still: code and role, sorted."""
    rows = await centre.rows(ALERT, acknowledged_at=None, **where)
    return sorted((row.code, row.role) for row in rows)


async def settled(centre: Centre, code: str) -> set[tuple[str, str]]:
    """By which step and by whom the alerts of this code were settled."""
    return {(row.settled, row.acknowledged_by) for row in await centre.rows(ALERT, code=code)}


async def test_the_crew_acknowledges_and_nothing_says_any_more_that_it_does_not(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(16)
    both = [("unanswered_crew", "dispatcher"), ("unanswered_crew", "manager")]
    late = [("segment_overdue", "crew"), ("segment_overdue", "dispatcher")]
    assert await sounding(centre) == sorted(late + both), "of six rungs the last one each"
    assert len(await centre.rows(ALERT, code="unanswered_crew")) == 10
    assert (await centre.rungs(order_id))[-1] == (15, "leader2"), "they are all kept"
    await centre.step(order_id, "acknowledge")
    assert await sounding(centre) == []
    assert await settled(centre, "unanswered_crew") == {("told_again", "system"), ("acknowledge", "N1")}
    views = Views(centre.store, centre.context)
    story = (await views.story(order_id))["alerts"]
    assert {one.settled for one in story if one.code == "segment_overdue"} == {"acknowledge"}
    assert all(one.acknowledged_at for one in story)
    await centre.until(50)
    missed = [("promise_missed", "dispatcher"), ("promise_missed", "manager")]
    assert await sounding(centre, code="promise_missed") == missed
    for step in ("depart", "arrive", "restore"):
        await centre.step(order_id, step)
    assert await sounding(centre) == missed, "it has to be seen although it is over"
    (told, _) = await centre.rows(ALERT, code="promise_missed")
    await views.acknowledge_alert(told.id, "dora")
    assert (await views.alert(told.id)).settled == ""


async def test_an_order_that_goes_to_another_crew_takes_the_former_ones_alerts_along(centre: Centre) -> None:
    order_id = await centre.dispatched()
    other = await centre.dispatched("N2", NEXT_DOOR, at=2.5)
    await centre.until(9)
    await dispatcher.reassign(
        centre.context, order_id, crew_id="N3", reason="no_answer", by=DORA, seen=1, key="r1"
    )  # fmt: skip
    assert await sounding(centre, order_id=order_id) == [("order_recall", "crew")], "the crew has to know it"
    assert {step for step, _ in await settled(centre, "unanswered_crew")} >= {"recall", ""}
    assert ("unanswered_crew", "dispatcher") in await sounding(centre, order_id=other), (
        "the other is true still"
    )
    await centre.until(14)
    assert ("unanswered_crew", "dispatcher") in await sounding(centre, order_id=order_id), (
        "of the new dispatch"
    )
    await hotline.cancel(centre.context, order_id, reason="customer_withdrew", by=HOLLY)
    codes = {"order_cancel", "order_recall"}
    assert {code for code, _ in await sounding(centre, order_id=order_id)} == codes


async def test_a_terminal_that_confirms_at_last_ends_it_and_one_that_never_does_stays(centre: Centre) -> None:
    centre.terminals.online.clear()
    order_id = await centre.dispatched()
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "unreceipted", at))
    assert await sounding(centre, code="unreceipted") == [("unreceipted", "dispatcher")]
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "delivered", at))
    assert await settled(centre, "unreceipted") == {("receipt", "t-N1")}
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "recall_unreceipted", at))
    await hotline.cancel(centre.context, order_id, reason="customer_withdrew", by=HOLLY)
    assert ("recall_unreceipted", "dispatcher") in await sounding(centre), (
        "the order ends, the vehicle has it"
    )
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "removed", at))
    assert await settled(centre, "recall_unreceipted") == {("removed", "t-N1")}


async def test_an_absence_that_is_answered_or_over_sounds_no_more(centre: Centre) -> None:
    for name in ("N2", "N3"):
        try:
            until = centre.clock.now() + timedelta(minutes=20)
            await crew.go_away(centre.context, centre.crew(name), until=until, reason="meal", ask=True)
        except GuardRefused:
            pass
    assert await sounding(centre) == [("away_asked", "dispatcher")]
    await crew.answer_away(centre.context, centre.crew("N3"), granted=False, by=DORA)
    assert await sounding(centre) == [("away_refused", "crew")]
    centre.clock.advance_to(START + timedelta(minutes=25))
    await clocks.remind_away(centre.context)
    over = [("away_over", "crew"), ("away_over", "dispatcher")]
    assert await sounding(centre, code="away_over") == over
    await crew.standby(centre.context, centre.crew("N3"))
    assert await sounding(centre, code="away_over") == over, "another crew's return ends nothing"
    await crew.standby(centre.context, centre.crew("N2"))
    assert await sounding(centre, code="away_over") == []
    assert await settled(centre, "away_over") == {("standby", "system")}


async def test_a_shortage_report_waits_until_it_is_taken_up_and_stands_until_it_is_closed(
    centre: Centre,
) -> None:
    store, now = SqlShortages(centre.store), START
    report = rules.open_report(ShortageScope("north", "service"), (), MONA, now)
    report = await store.save(report, shortage._alerts(centre.context, report, now))
    report = rules.tell_again(report, MONA, now)
    report = await store.save(report, shortage._alerts(centre.context, report, now))
    again = [("shortage_again", "dispatcher"), ("shortage_again", "manager")]
    first = [("shortage", "dispatcher"), ("shortage", "manager")]
    assert await sounding(centre) == first + again
    report = await store.save(rules.take_up(report, "more crews", now + timedelta(days=1), MONA, now))
    assert await sounding(centre) == first
    assert await settled(centre, "shortage_again") == {("took_up", "mona")}
    await store.save(rules.close(report, "done", MONA, now))
    assert await sounding(centre) == []


async def test_who_chased_is_answered_when_the_lights_are_on_again_and_not_before(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await chases.expedite(centre.context, order_id, by=HOLLY)
    await chases.expedite(centre.context, order_id, by=HOLLY)
    heard = await sounding(centre, code="expedited")
    assert heard == sorted(set(heard)), "the second one stands in the place of the first"
    await chases.supervise(centre.context, order_id, by=MONA)
    assert await sounding(centre, code="expedited") == heard, "a superior's word is another one"
    await chases.expedite(centre.context, order_id, by=HOLLY)
    watched = await sounding(centre, code="supervised")
    assert watched != [], "nor does a customer take its place"
    for step in ("acknowledge", "depart", "arrive"):
        await centre.step(order_id, step)
        assert await sounding(centre, code="expedited") == heard
        assert await sounding(centre, code="supervised") == watched
    await centre.step(order_id, "restore")
    assert await sounding(centre, code="expedited") == await sounding(centre, code="supervised") == []


async def test_a_superior_hears_of_what_is_escalated_to_them_alone(centre: Centre) -> None:
    await centre.dispatched()
    await centre.until(7)
    views = Views(centre.store, centre.context)

    async def hears(role: Any, **where: str) -> list[str]:
        return [one.code for one in (await views.board(Scope(role, **where))).alerts]

    assert await hears("dispatcher", centre_id="north") == ["segment_overdue", "unanswered_crew"]
    assert await hears("manager") == await hears("admin") == []
    await centre.until(8)
    assert await hears("manager") == await hears("admin") == ["unanswered_crew"]


async def test_a_later_rung_takes_the_place_of_what_the_same_role_was_told_and_of_no_other(
    centre: Centre,
) -> None:
    async def rung(role: str, number: int, order_id: str = "W1") -> None:
        told = alert(
            key=f"{order_id}/{number}", role=role, code="unanswered_crew", due=START, order_id=order_id,
            watch="crew", generation=1, cycle=1, rung=number,
        )  # fmt: skip
        await centre.store.transact(lambda _, now: Changes(None, outgoing=(told,)))

    await rung("manager", 1)
    await rung("dispatcher", 2, "W2")
    await rung("dispatcher", 3)
    await rung("dispatcher", 4)
    rows = [
        (row.role, row.order_id, row.facts["rung"]) for row in await centre.rows(ALERT, acknowledged_at=None)
    ]
    assert sorted(rows) == [("dispatcher", "W1", 4), ("dispatcher", "W2", 2), ("manager", "W1", 1)]


async def test_a_step_that_is_not_committed_settles_nothing(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.until(7)
    before = await sounding(centre)
    (row, *_) = await centre.rows(kind="alert")
    taken = Outgoing(row.key, "alert", "manager", START, order_id, data={"code": "order_reject"})

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        order = take(loaded.order(order_id), PROCESS, "acknowledge", by=Actor("crew", "N1"), now=now,
                     data={"crew_id": "N1"})  # fmt: skip
        return Changes(None, orders=(order,), outgoing=(taken,))

    assert isinstance(await refused(centre.store.transact(decide, order_id)), Conflict)
    assert await sounding(centre) == before
    await centre.step(order_id, "acknowledge")
    assert await sounding(centre) == []
