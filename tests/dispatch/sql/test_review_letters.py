"""Figures by e-mail: when a letter is due, what it says, and that it is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from dispatch.adapters.sql import alert_book
from dispatch.adapters.sql.alert_book import CHANNEL, RECIPIENT
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.people import PERSON
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.clock import VirtualClock
from dispatch.core.errors import Unavailable
from dispatch.core.saved_view import SavedView, due
from dispatch.services import alerting
from dispatch.services.context import Context
from dispatch.services.review_letters import send_due
from tests.dispatch.core.orders import A
from tests.dispatch.databases import Database
from tests.dispatch.organisation import context_of, fill, shipped_processes
from tests.dispatch.sql.test_day_sheets import keep, random_order

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAILY = SavedView(1, "mona", "East", {"centre": "east"}, "day", 7, (1,), "2026-03-01")
WEEKLY = SavedView(1, "mona", "All", {}, "week", 7, (1,), "2026-02-23")


@pytest.mark.parametrize(
    ("view", "now", "days"),
    [
        (DAILY, datetime(2026, 3, 1, 22, 59, tzinfo=UTC), None),  # 06:59 of the 2nd in Shanghai
        (DAILY, datetime(2026, 3, 1, 23, 0, tzinfo=UTC), ("2026-03-01", "2026-03-01")),
        (DAILY, datetime(2026, 3, 4, 9, 0, tzinfo=UTC), ("2026-03-03", "2026-03-03")),
        (WEEKLY, datetime(2026, 3, 1, 22, 0, tzinfo=UTC), None),
        (WEEKLY, datetime(2026, 3, 1, 23, 0, tzinfo=UTC), ("2026-02-23", "2026-03-01")),
        (WEEKLY, datetime(2026, 3, 4, 0, 0, tzinfo=UTC), ("2026-02-23", "2026-03-01")),
        (WEEKLY, datetime(2026, 2, 27, 23, 0, tzinfo=UTC), None),
    ],
)
def test_a_letter_is_due_once_a_day_or_week(
    view: SavedView, now: datetime, days: tuple[str, str] | None
) -> None:
    found = due(view, now, SHANGHAI)
    assert (found and tuple(day.isoformat() for day in found)) == days


class Post:
    """An e-mail service."""

    def __init__(self) -> None:
        self.letters: list[tuple[str, str, str]] = []
        self.down = False

    async def send(self, url: str, title: str, body: str) -> str:
        if self.down:
            raise Unavailable("the mail server is down")
        self.letters.append((url, title, body))
        return "taken"


@pytest.fixture
async def context(database: Database) -> Context:
    database.at_once(fill)
    clock = VirtualClock(datetime(2026, 3, 3, 12, 0, tzinfo=UTC))
    store = database.store(shipped_processes(), clock)
    found = context_of(store, await store.read(load_directory), clock)
    found.public_url = "https://centre.example"
    return found


async def _deliver(context: Context, post: Post) -> Sequence[Any]:
    now = context.clock.now()
    rows = await context.store.lease(now, now + timedelta(seconds=30), 100, ("message",))
    await alerting.send(context, post, rows)
    return rows


def _recipient(database: Database) -> None:
    def work(connection: Any) -> None:
        person = {
            "id": 1,
            "name": "Mona",
            "username": "",
            "role": "manager",
            "centre_id": "",
            "language": "zh-CN",
        }
        connection.execute(insert(RECIPIENT), person)
        channel = {
            "id": 1, "recipient_id": 1, "position": 1, "label": "mail", "url": "mailto://x", "minimum": "info",
            "codes": [], "quiet_from": "", "quiet_to": "",
        }  # fmt: skip
        connection.execute(insert(CHANNEL), channel)

    database.at_once(work)


async def test_a_letter_is_sent_once_says_the_figures_and_comes_through_a_mail_server_that_was_down(
    database: Database, context: Context
) -> None:
    store: Any = context.store
    clock: Any = context.clock
    _recipient(database)
    await keep(store, *(random_order(n, Random(n)) for n in range(80)))
    views, post = SqlSavedViews(store), Post()
    made = await views.save(
        SavedView(0, "mona", "East\nside", {"centre": "east"}, "day", 7, (1,), "2026-03-02")
    )
    parts = (views, SqlHistories(store, context), SqlShortages(store), set[tuple[int, str]]())
    assert await send_due(context, *parts) == 0  # nothing is measured yet
    await DaySheets(store, context).catch_up()
    assert await send_due(context, *parts) == 1
    assert await send_due(context, *parts) == 0
    assert (await views.of("mona"))[0].sent_for == "2026-03-03"
    post.down = True
    assert len(await _deliver(context, post)) == 1
    post.down = False
    clock.advance(20)
    await _deliver(context, post)
    clock.advance(200)
    assert not await _deliver(context, post)
    ((url, title, body),) = post.letters
    assert url == "mailto://x"
    assert title.startswith("East side,2026-03-02:按时 ")
    assert "可判定" in body
    assert "环节超限" in body
    assert "https://centre.example/manager?from=2026-03-02&to=2026-03-02&centre=east" in body
    assert "W0" not in body
    assert made.id == 1
    assert A.date() == date(2026, 3, 2)


async def test_a_view_that_was_changed_meanwhile_is_not_sent_twice(
    database: Database, context: Context
) -> None:
    store: Any = context.store
    views = SqlSavedViews(store)
    view = await views.save(SavedView(0, "mona", "All", {}, "day", 7, (1,), "2026-03-02"))
    now = context.clock.now()
    assert await views.send(view, "2026-03-03", (), now)
    assert not await views.send(view, "2026-03-03", (), now)


async def test_a_view_that_is_kept_again_does_not_lose_the_letter_that_is_due(context: Context) -> None:
    views = SqlSavedViews(context.store)  # type: ignore[arg-type]
    await views.save(SavedView(0, "mona", "All", {}, "day", 7, (1,), "2026-03-02"))
    await views.save(SavedView(0, "mona", "All", {"centre": "east"}, "day", 7, (1,), "2026-03-03"))
    (view,) = await views.of("mona")
    assert (view.query, view.sent_for) == ({"centre": "east"}, "2026-03-02")
    assert due(view, context.clock.now(), SHANGHAI)
    await views.save(SavedView(0, "mona", "All", {}, "week", 7, (1,), "2026-03-03"))
    (view,) = await views.of("mona")
    assert view.sent_for == "2026-03-03", "the first letter is about the next whole week"


async def test_a_letter_goes_to_no_channel_that_came_after_its_own_and_says_that_nobody_gets_it(
    database: Database, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    store: Any = context.store
    _recipient(database)
    views = SqlSavedViews(store)
    await views.save(SavedView(0, "mona", "All", {}, "day", 7, (1,), "2026-03-02"))
    await DaySheets(store, context).catch_up()
    now = context.clock.now()
    database.at_once(lambda c: alert_book.remove_recipient(c, 1, now))
    _recipient(database)  # somebody else, with the ids of before
    parts = (views, SqlHistories(store, context), SqlShortages(store), set[tuple[int, str]]())
    assert [await send_due(context, *parts) for _ in range(3)] == [0, 0, 0]
    (view,) = await views.of("mona")
    assert (view.channels, view.sent_for) == ((), "2026-03-02")
    assert [r.levelname for r in caplog.records if "is sent to nobody" in r.message] == ["WARNING"]
    await views.save(replace(view, channels=(1,)))
    assert await send_due(context, *parts) == 1


@pytest.mark.parametrize("change", [{"active": False}, {"role": "hotline"}])
async def test_who_may_not_see_the_desk_any_more_gets_no_letters(
    database: Database, context: Context, change: dict[str, Any]
) -> None:
    views = SqlSavedViews(context.store)  # type: ignore[arg-type]
    for username in ("mona", "ada"):
        await views.save(SavedView(0, username, "All", {}, "day", 7, (1,), "2026-03-02"))
    assert [one.username for one in await views.scheduled()] == ["mona", "ada"]
    database.at_once(lambda c: c.execute(update(PERSON).where(PERSON.c.username == "mona").values(**change)))
    assert [one.username for one in await views.scheduled()] == ["ada"]
