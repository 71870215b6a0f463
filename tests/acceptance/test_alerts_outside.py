"""Alerts outside the pages: one row a channel, nothing stale, nothing lost without being said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch.adapters.sql import alert_book
from dispatch.adapters.sql.statements import ALERT
from dispatch.core.types import Point
from dispatch.services import alerting, clocks, delivery, hotline
from dispatch.services.alert_text import LISTED
from dispatch.services.ports import OutboxRow, Settled
from dispatch.services.retries import TRIES
from tests.dispatch.centre import HERE, HOLLY, NOWHERE, START, Centre
from tests.dispatch.outside import Mail

ESCALATION = "The crew does not answer"


async def another(centre: Centre, label: str, role: str = "dispatcher", **more: Any) -> int:
    """One more channel, of a recipient of its own."""
    values = {
        "label": label,
        "url": f"test://{label}",
        "minimum": "info",
        "codes": [],
        "quiet_from": "",
        "quiet_to": "",
        **more,
    }

    def work(connection: Any) -> int:
        person = {"name": label, "username": "", "role": role, "centre_id": "", "language": ""}
        return alert_book.add_channel(connection, alert_book.add_recipient(connection, person), values)

    return await centre.store.write(work)


class Choosy(Mail):
    """Some services are down, or never answer."""

    broken: frozenset[str] = frozenset()
    hanging: frozenset[str] = frozenset()

    async def send(self, url: str, title: str, body: str) -> str:
        name = url.removeprefix("test://")
        if name in self.hanging:
            await asyncio.Event().wait()
        self.down = name in self.broken
        return await super().send(url, title, body)


@pytest.fixture
def mail(centre: Centre) -> Choosy:
    found = Choosy()
    object.__setattr__(centre.ports, "alerts", found)
    return found


def to(mail: Mail, name: str) -> list[str]:
    return [title for whom, title in mail.told if whom == name]


async def test_a_service_that_fails_holds_up_nobody_and_makes_nobody_repeat(
    centre: Centre, mail: Choosy
) -> None:
    await another(centre, "broken", minimum="escalation")
    await another(centre, "fine", minimum="escalation")
    mail.broken = frozenset({"broken"})
    order_id = await centre.dispatched()
    await centre.until(8.5)
    assert to(mail, "broken") == []
    assert to(mail, "fine") == [f"{ESCALATION}: order {order_id}"] * 3
    mail.broken = frozenset()
    await centre.until(12)
    assert to(mail, "broken") == [f"{ESCALATION}: order {order_id}"], (
        "the newest rung stands for those before"
    )
    assert len(to(mail, "fine")) == 3


async def test_a_service_that_hangs_is_left_behind(
    centre: Centre, mail: Choosy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerting, "HELD_UP", 0.05)
    monkeypatch.setattr(alerting, "PATIENCE", 0.3)
    channel = await another(centre, "hangs", minimum="escalation")
    mail.hanging = frozenset({"hangs"})
    await centre.dispatched()
    centre.clock.advance_to(START + timedelta(minutes=6.1))
    await clocks.fire_due(centre.context)
    await delivery.deliver_due(centre.context, centre.ports, delivery.ALERTS)
    async with asyncio.timeout(5):
        await delivery.deliver_due(centre.context, centre.ports, delivery.MESSAGES)
    assert to(mail, "dispatcher"), "it did not wait"
    (row,) = await centre.rows(kind="message", target=str(channel))
    assert row.state == "pending"
    await asyncio.sleep(0.6)
    (row,) = await centre.rows(kind="message", target=str(channel))
    assert (row.state, "no answer in time" in row.outcome) == ("pending", True), "a try, to be repeated"


async def test_what_was_answered_meanwhile_is_not_sent_any_more(centre: Centre, mail: Choosy) -> None:
    mail.broken = frozenset({"dispatcher"})
    order_id = await centre.dispatched()
    await centre.until(6.5)
    await centre.step(order_id, "acknowledge")
    mail.broken = frozenset()
    await centre.until(12)
    assert ESCALATION not in str(to(mail, "dispatcher"))
    rows = [r for r in await centre.rows(kind="message") if "/crew/1/" in r.key]
    assert {(r.state, r.outcome) for r in rows} == {("done", "over meanwhile: acknowledge by N1")}


async def test_what_somebody_acknowledged_in_the_pages_is_not_sent_any_more(
    centre: Centre, mail: Choosy
) -> None:
    mail.broken = frozenset({"hotline"})
    await centre.take_call(NOWHERE)
    await centre.until(0.1)
    seen = ALERT.update().values(acknowledged_at=centre.clock.now(), acknowledged_by="holly")
    await centre.store.write(lambda c: c.execute(seen))
    mail.broken = frozenset()
    await centre.until(1)
    assert to(mail, "hotline") == []
    (row,) = await centre.rows(kind="message")
    assert row.outcome == "acknowledged in the pages by holly"


async def test_a_backlog_is_told_in_one_letter_and_the_rest_is_counted(centre: Centre, mail: Choosy) -> None:
    """A storm while nothing could be sent: not one letter each when it ends."""
    for n in range(LISTED + 5):
        await centre.take_call(Point(35.0 + n / 10, 110.0))
    await delivery.deliver_due(centre.context, centre.ports, delivery.ALERTS)
    centre.clock.advance(1_800)
    await delivery.deliver_due(centre.context, centre.ports, delivery.MESSAGES)
    (title,) = to(mail, "hotline")
    assert title.startswith(f"{LISTED + 5} alerts: Nobody found responsible")
    body = mail.bodies[-1]
    assert body.count("1 Lane") == LISTED
    assert "and 5 more" in body
    assert {r.state for r in await centre.rows(kind="message")} == {"done"}


async def test_letters_to_one_channel_keep_a_distance(centre: Centre, mail: Choosy) -> None:
    """And waiting for its turn is no failed try."""
    for n in range(3):
        await centre.take_call(Point(35.0 + n, 110.0))
        await centre.until(0.01 * (n + 1))
    assert len(to(mail, "hotline")) == 1
    waiting = [r for r in await centre.rows(kind="message") if r.state == "pending"]
    assert [r.tries for r in waiting] == [0, 0]
    await centre.until(0.3)
    assert to(mail, "hotline")[1].startswith("2 alerts")


async def test_quiet_hours_hold_back_all_but_escalations(centre: Centre, mail: Choosy) -> None:
    at = START.astimezone(centre.context.zone)
    end = f"{at + timedelta(minutes=30):%H:%M}"
    await another(centre, "sleeper", "hotline", quiet_from=f"{at - timedelta(hours=1):%H:%M}", quiet_to=end)
    await centre.take_call(NOWHERE)
    await centre.sent()
    await centre.until(8)
    held = [row for row in await centre.rows(kind="message") if row.state == "pending" and not row.tries]
    assert held
    assert all(row.first_due == row.due for row in held), "for the auditor they do not wait yet"
    loud = to(mail, "sleeper")
    assert loud
    urgent = ("does not answer", "has not sent")
    assert all(any(one in title for one in urgent) for title in loud), loud
    await centre.until(31)
    assert any("Nobody found responsible" in b for b in [*mail.bodies, *to(mail, "sleeper")])


async def test_what_never_gets_through_is_listed_sent_again_or_dismissed(
    centre: Centre, mail: Choosy
) -> None:
    await another(centre, "desk", "hotline", codes=["unroutable"])
    mail.broken = frozenset({"desk"})
    await centre.take_call(NOWHERE)
    await centre.take_call(Point(36.0, 110.0))
    await centre.until(30)
    number, rows = await centre.store.read(lambda c: alert_book.undelivered(c, "", 10))
    assert (number, len(rows)) == (2, 2)
    assert {(r["code"], r["recipient"], r["tries"]) for r in rows} == {("unroutable", "desk", TRIES)}
    assert "does not answer" in rows[0]["error"]
    told = [r for r in await centre.rows(ALERT, code="undelivered") if r.facts["kind"] == "message"]
    assert [r.role for r in told] == ["manager"], "once"
    mail.broken = frozenset()
    now = centre.clock.now()
    await centre.store.write(lambda c: alert_book.send_again(c, rows[0]["id"], now))
    await centre.store.write(lambda c: alert_book.dismiss(c, rows[1]["id"], "mona"))
    await centre.until(31)
    assert len(to(mail, "desk")) == 1
    assert (await centre.store.read(lambda c: alert_book.undelivered(c, "", 10)))[0] == 0
    (row,) = await centre.rows(id=rows[1]["id"])
    assert (row.state, row.outcome[:18]) == ("done", "dismissed by mona;")


async def test_a_worker_that_dies_between_sending_and_settling_sends_again(
    centre: Centre, mail: Choosy
) -> None:
    """At least once: the lease ends, and nobody knows that it was sent."""
    await centre.take_call(NOWHERE)
    await delivery.deliver_due(centre.context, centre.ports, delivery.ALERTS)
    now = centre.clock.now()
    leased = await centre.store.lease(now, now + timedelta(seconds=30), 10, delivery.MESSAGES)
    await mail.send("test://hotline", "sent by the one who died", "")
    assert len(leased) == 1
    await centre.until(0.4)
    assert len(to(mail, "hotline")) == 1
    await centre.until(1)
    assert len(to(mail, "hotline")) == 2


async def test_two_workers_plan_an_alert_once(centre: Centre, mail: Choosy) -> None:
    await centre.take_call(NOWHERE)
    now = centre.clock.now()
    (row,) = await centre.store.lease(now, now + timedelta(seconds=30), 10, delivery.ALERTS)
    await asyncio.gather(*(alerting.plan(centre.context, [row]) for _ in range(4)))
    assert len(await centre.rows(kind="message")) == 1


async def test_a_channel_that_was_removed_is_told_nothing(centre: Centre, mail: Choosy) -> None:
    channel = await another(centre, "gone", "hotline")
    mail.broken = frozenset({"gone"})
    await centre.take_call(NOWHERE)
    await centre.until(0.1)
    await centre.store.write(lambda c: alert_book.remove_channel(c, channel, centre.clock.now()))
    await another(centre, "stranger", minimum="escalation")  # SQLite gives it the number that became free
    rows = await centre.rows(kind="message", target=str(channel))
    assert {(row.state, row.outcome) for row in rows} == {("done", "the channel was removed")}
    mail.broken = frozenset()
    await centre.until(1)
    assert to(mail, "gone") == []
    (row,) = await centre.rows(kind="message", target=str(channel))
    assert row.outcome == "the channel was removed"


async def test_a_letter_says_what_a_person_needs_in_its_language(centre: Centre, mail: Choosy) -> None:
    centre.context.public_url = "https://dispatch.example"
    await another(centre, "zh")
    await centre.store.write(
        lambda c: c.exec_driver_sql("UPDATE alert_recipient SET language = 'zh-CN' WHERE name = 'zh'")
    )
    order_id = await centre.dispatched()
    await centre.until(6.1)
    english, chinese = (
        next(b for b in mail.bodies if word in b) for word in ("does not answer", "班组未接单")
    )
    for part in (
        order_id,
        "1 Lane",
        "Crew N1",
        "4 min ago",
        "Phone the crew",
        f"https://dispatch.example/orders/{order_id}",
    ):
        assert part in english, english
    for part in (order_id, "1 Lane", "4 分钟", "请致电班组", f"https://dispatch.example/orders/{order_id}"):
        assert part in chinese, chinese
    assert "generation" not in english + chinese


async def test_many_alerts_are_planned_at_once_and_one_that_cannot_be_is_alone(
    centre: Centre, mail: Choosy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storm is a few transactions; whatever is wrong with one of them, the others are told."""
    for n in range(5):
        await centre.take_call(Point(35.0 + n / 10, 110.0))
    bad = (await centre.rows(kind="alert"))[2].key
    made, plan, planned = alerting._message, alerting.plan, list[int]()

    def spoilt(context: Any, row: OutboxRow, *more: Any) -> Any:
        if row.key == bad:
            raise ZeroDivisionError("this one cannot be planned")
        return made(context, row, *more)

    async def counting(context: Any, rows: Sequence[OutboxRow]) -> None:
        planned.append(len(rows))
        await plan(context, rows)

    monkeypatch.setattr(alerting, "plan", counting)
    monkeypatch.setattr(alerting, "_message", spoilt)
    await delivery.deliver_due(centre.context, centre.ports, delivery.ALERTS)
    assert planned == [5, 1, 1, 1, 1, 1]
    assert len(await centre.rows(kind="message")) == 4
    (row,) = await centre.rows(kind="alert", state="pending")
    assert (row.key, "ZeroDivisionError" in row.outcome or "cannot be planned" in row.outcome) == (bad, True)
    monkeypatch.setattr(alerting, "_message", made)
    await centre.until(1)
    assert len(await centre.rows(kind="message")) == 5


async def test_outcomes_that_come_while_others_are_written_are_written_together(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(8):
        taken = await centre.take_call(Point(HERE.lat + n / 1000, HERE.lon))
        await hotline.send(centre.context, taken.order_id, by=HOLLY)
    rows = await centre.rows(kind="centre", state="pending")
    settle, written = centre.store.settle, list[int]()

    async def counting(settled: Sequence[Settled], now: datetime) -> None:
        written.append(len(settled))
        await settle(settled, now)

    monkeypatch.setattr(centre.store, "settle", counting)
    await delivery.deliver_due(centre.context, centre.ports, delivery.ORDERS)
    assert sum(written) == len(rows) == 8
    assert len(written) < 8
