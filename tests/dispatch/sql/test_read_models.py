"""What screens read, people, and the live feed's follower: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import insert

from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.statements import ALERT
from dispatch.adapters.sql.views import ALERTS_SHOWN, Views
from dispatch.adapters.ws.follow import Follower
from dispatch.clock import VirtualClock
from dispatch.core.errors import Conflict
from dispatch.core.types import Actor, Point
from dispatch.services import dispatcher, hotline
from dispatch.services.context import Context
from dispatch.services.people import Person, Scope
from tests.dispatch.databases import AnyStore, Database
from tests.dispatch.organisation import EAST, HASHER, PASSWORD, START, context_of, fill, shipped_processes

HOLLY, DORA = Actor("hotline", "holly"), Actor("dispatcher", "dora")
ADA = Person("ada", "Ada", "admin")


@pytest.fixture
def store(database: Database) -> AnyStore:
    """A store with the small organisation."""
    database.at_once(fill)
    return database.store(shipped_processes(), VirtualClock(START))


@pytest.fixture
async def context(store: AnyStore) -> Context:
    """Its context."""
    return context_of(store, await store.read(load_directory), VirtualClock(START))


async def _recalled_order(context: Context) -> str:
    """It has been with E1, which was told that it was taken away."""
    call = hotline.Call("phone", "12 Harbour Road", "meter", "lv", place=Point(*EAST))
    order_id = (await hotline.take_call(context, call, by=HOLLY)).order_id
    await hotline.send(context, order_id, by=HOLLY)
    await dispatcher.centre_received(context, order_id, centre_id="east", send=1)
    await dispatcher.dispatch(context, order_id, crew_id="E1", by=DORA)
    await dispatcher.recall(context, order_id, reason="other", by=DORA)
    return order_id


async def test_what_is_most_urgent_is_shown_however_much_came_after_it(
    store: AnyStore, context: Context
) -> None:
    said = {"role": "dispatcher", "centre_id": "east", "order_id": "", "facts": {}, "raised_at": START}
    first = ["repeat_call", "promise_missed", "unanswered_crew", "unreceipted", "a_step_of_their_own"]
    codes = [*first, *(["segment_overdue"] * 100), *(["repeat_call"] * ALERTS_SHOWN), "unanswered_centre"]
    rows = [{**said, "key": f"a{n}", "code": code} for n, code in enumerate(codes)]
    await store.write(lambda c: c.execute(insert(ALERT), rows))
    shown = (await Views(store, context).board(Scope("dispatcher", "east"))).alerts
    assert [a.id for a in shown] == sorted(a.id for a in shown), "the oldest first, as ever"
    found = [a.code for a in shown]
    assert found[:4] == ["promise_missed", "unanswered_crew", "unreceipted", "a_step_of_their_own"]
    assert (found[4:104], found[-1]) == (["segment_overdue"] * 100, "unanswered_centre")
    news = [a.id for a in shown if a.code == "repeat_call"]
    assert news == list(range(news[0], shown[-1].id)), "of what is alike, the newest"
    assert len(shown) == ALERTS_SHOWN


async def test_every_scope_has_its_board(store: AnyStore, context: Context) -> None:
    order = await _recalled_order(context)
    views = Views(store, context)
    for scope, orders, crews, alerts in (
        (Scope("hotline"), [order], 0, 0), (Scope("dispatcher", "east"), [order], 2, 0),
        (Scope("dispatcher", "west"), [], 1, 0), (Scope("dispatcher"), [], 0, 0),
        (Scope("crew", "", "E1"), [], 1, 1), (Scope("crew", "", "E2"), [], 1, 0),
        (Scope("manager"), [order], 3, 0), (Scope("admin"), [order], 3, 0),
    ):  # fmt: skip
        board = await views.board(scope)
        found = ([o.id for o in board.orders], len(board.crews), len(board.alerts))
        assert found == (orders, crews, alerts), scope


async def test_story_desk_and_stack(store: AnyStore, context: Context) -> None:
    order = await _recalled_order(context)
    views = Views(store, context)
    story = await views.story(order)
    assert [e["kind"] for e in story["events"]][-2:] == ["dispatch", "recall"]
    assert [d["crew_id"] for d in story["decisions"]] == ["E1"]
    assert [c["outcome"] for c in story["contacts"]] == ["new"]
    assert [o.id for o in (await views.desk(Scope("hotline")))["running"]] == [order]
    stack = await views.stack("E1", Scope("crew", "", "E1"))
    assert (stack["orders"], [a.code for a in stack["alerts"]]) == ([], ["order_recall"])
    alert = stack["alerts"][0]
    assert (await views.acknowledge_alert(alert.id, "carl")).acknowledged_by == "carl"
    assert (await views.acknowledge_alert(alert.id, "cleo")).acknowledged_by == "carl"


async def test_the_follower_sees_what_was_committed(store: AnyStore, context: Context) -> None:
    follower = Follower(Views(store, context), context)
    await store.read(follower.begin)
    order = await _recalled_order(context)
    changes = await store.read(follower.read)
    assert [o.id for o in changes.orders] == [order]
    assert [a.code for a in changes.alerts] == ["order_recall"]
    assert (await store.read(follower.read)).orders == []


async def test_people_sessions_and_figures(store: AnyStore, context: Context) -> None:
    people = SqlPeople(store, VirtualClock(START), HASHER)
    dora = await people.verify("dora", PASSWORD)
    assert dora is not None
    token = await people.sign_in(dora)
    assert await people.signed_in(token) == dora
    with pytest.raises(Conflict):
        await people.create(Person("dora", "Dora", "manager"), PASSWORD, by=ADA)
    await people.change(replace(dora, active=False), dora, by=ADA)
    assert await people.signed_in(token) is None
    assert await people.verify("dora", PASSWORD) is None
    await _recalled_order(context)
    await DaySheets(store, context).catch_up()
    found = await SqlHistories(store, context).sheet(date(2026, 3, 2), date(2026, 3, 2), ids=True)
    assert [(found.words["centre"], found["dispatches"].tolist())] == [(("east",), [1])]
    administration = SqlAdministration(store, context)
    document = administration.document()
    await administration.replace(document, by=ADA)
    assert administration.document() == document
