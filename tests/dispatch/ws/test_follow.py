"""Following commits that do not come in the order of their ids, and boards that agree with what follows them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, delete, func, insert, select

from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import ALERT, EVENT
from dispatch.adapters.sql.views import ORDER, Views, holds, on_board
from dispatch.adapters.ws import follow
from dispatch.adapters.ws.follow import FIX_AGES, GAP_ENDS, GAPS, REVIEW, Follower
from dispatch.core.outgoing import alert
from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services import dispatcher, hotline
from dispatch.services.people import ROLES, Scope
from dispatch.services.ports import Changes
from tests.dispatch.organisation import EAST, WEST, Installation
from tests.dispatch.ws.conftest import Live


async def test_an_event_that_commits_late_is_not_missed(live: Live) -> None:
    store, now = live.place.store, [0.0]
    follower = Follower(Views(store, live.context), live.context, lambda: now[0])
    await store.read(follower.begin)
    first, second = await live.order(), await live.order(WEST)
    held: list[dict[str, object]] = []

    def hold_back(connection: Connection) -> None:
        rows = connection.execute(select(EVENT).where(EVENT.c.order_id == first)).all()
        held.extend(dict(row._mapping) for row in rows)
        connection.execute(delete(EVENT).where(EVENT.c.order_id == first))

    await store.write(hold_back)
    seen = await store.read(follower.read)
    assert [o.id for o in seen.orders] == [second]
    await store.write(lambda c: c.execute(insert(EVENT), held))
    now[0] = GAP_ENDS / 2
    late = await store.read(follower.read)
    assert [o.id for o in late.orders] == [first]
    assert late.seq == seen.seq
    assert (await store.read(follower.read)).orders == []


async def test_an_event_that_commits_late_in_a_burst_is_not_missed(live: Live) -> None:
    """PostgreSQL: one look after a storm or a standstill takes thousands of ids, and the gap may be the first."""
    store, now = live.place.store, [0.0]
    await live.order()
    follower = Follower(Views(store, live.context), live.context, lambda: now[0])
    await store.read(follower.begin)
    order = await live.order(WEST)
    held: list[dict[str, object]] = []

    def hold_back(connection: Connection) -> None:
        rows = connection.execute(select(EVENT).where(EVENT.c.order_id == order).order_by(EVENT.c.id)).all()
        held.extend(dict(row._mapping) for row in rows)
        connection.execute(delete(EVENT).where(EVENT.c.order_id == order))
        far = int(str(held[-1]["id"])) + 4_000
        connection.execute(insert(EVENT), [{**held[-1], "id": far, "order_id": "elsewhere"}])

    await store.write(hold_back)
    await store.read(follower.read)
    assert len(follower._gaps) > 3_900
    await store.write(lambda c: c.execute(insert(EVENT), held))
    now[0] = GAP_ENDS / 2
    late = await store.read(follower.read)
    assert [o.id for o in late.orders] == [order]


async def test_gaps_never_outgrow_a_statement(live: Live) -> None:
    store = live.place.store
    order = await live.order()
    follower = Follower(Views(store, live.context), live.context, lambda: 0.0)
    await store.read(follower.begin)

    def leap(connection: Connection) -> None:
        row = connection.execute(select(EVENT).where(EVENT.c.order_id == order)).first()
        assert row is not None
        values, newest = dict(row._mapping), follower.seq
        more = [{**values, "id": newest + n * GAPS, "order_id": f"{newest}/{n}"} for n in (1, 2, 3)]
        connection.execute(insert(EVENT), more)

    for _ in range(3):
        await store.write(leap)
        await store.read(follower.read)
        assert len(follower._gaps) <= GAPS


async def test_an_acknowledgement_of_an_old_alert_is_told(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many came after it; whether it was there before the follower began, or came since."""
    monkeypatch.setattr("dispatch.adapters.ws.follow.ALERTS_WATCHED", 5)
    store = live.place.store

    async def raise_alerts(name: str, number: int) -> None:
        due = live.context.clock.now()
        told = tuple(
            alert(key=f"{name}/{n}", role="dispatcher", code="promise_missed", due=due, centre_id="east")
            for n in range(number)
        )
        await live.context.store.transact(lambda _, now: Changes(None, outgoing=told))

    await raise_alerts("before", 8)
    views = Views(store, live.context)
    follower = Follower(views, live.context)
    await store.read(follower.begin)
    before = await store.read(lambda c: c.execute(select(func.min(ALERT.c.id))).scalar_one())
    await raise_alerts("since", 1)
    since = (await store.read(follower.read)).alerts[0].id
    await raise_alerts("after", 8)
    await store.read(follower.read)
    for old in (before, since):
        await views.acknowledge_alert(old, "dora")
        heard = (await store.read(follower.read)).alerts
        assert [(a.id, a.acknowledged_by) for a in heard] == [(old, "dora")]
        assert (await store.read(follower.read)).alerts == []


async def test_where_a_crew_drives_is_told_now_and_then(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the list of crews: a map's frames hold only what is in its view."""
    store, place, now = live.place.store, live.place, [0.0]
    for crew in ("E1", "E2"):
        place.put_fix(crew, 30.05, 120.04)
    follower = Follower(Views(store, live.context), live.context, lambda: now[0])
    await store.read(follower.begin)

    async def review(seconds: float) -> list[tuple[str, float]]:
        place.clock.advance(seconds)
        for crew in ("E1", "E2"):
            place.put_fix(crew, 30.05, 120.04 + place.clock.now().timestamp() % 1_000 / 10_000)
        now[0] += REVIEW
        crews = (await store.read(follower.read)).crews
        return [(c.id, (place.clock.now() - c.fix.at).total_seconds()) for c in crews if c.fix]

    assert await review(FIX_AGES / 2) == [], "what is a little behind costs nothing"
    assert await review(FIX_AGES / 2) == [("E1", 0.0), ("E2", 0.0)]
    assert await review(FIX_AGES / 2) == []
    monkeypatch.setattr("dispatch.adapters.ws.follow.FIXES_AT_ONCE", 1)
    assert {name for _ in range(2) for name, _ in await review(FIX_AGES)} == {"E1", "E2"}, "they go round"


async def test_what_time_alone_changes_of_a_crew_is_told_without_reading_them_all(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shifts end by themselves, and so does the truth of a fix."""
    store, context, now = live.place.store, live.context, [0.0]
    views = Views(store, context)
    crew = context.directory.crews["E1"]
    local = context.clock.now().astimezone(context.zone)
    shift = {"shift_start": f"{local:%H:%M}", "shift_end": f"{local + timedelta(minutes=3):%H:%M}"}
    crews = {**context.directory.crews, "E1": replace(crew, **shift)}
    monkeypatch.setattr(context, "directory", replace(context.directory, crews=crews))
    live.place.put_fix("E1", 30.05, 120.04)
    follower = Follower(views, context, lambda: now[0])
    await store.read(follower.begin)
    monkeypatch.setattr(views, "crews_of", None)

    async def later(minutes: float) -> list[tuple[str, str, bool]]:
        live.place.clock.advance(60 * minutes)
        now[0] += REVIEW
        crews = (await store.read(follower.read)).crews
        return [(c.id, c.status, c.stale) for c in crews]

    assert await later(0.0) == []
    assert await later(3.0) == [("E1", "off_shift", False)]
    assert await later(3.0) == [("E1", "off_shift", True)]
    assert await later(3.0) == []
    live.place.put_fix("E1", 30.05, 120.04)
    assert await later(0.0) == [("E1", "off_shift", False)]
    assert follower.crews["E1"].status == "off_shift"


async def test_what_is_quiet_is_nothing(live: Live) -> None:
    store = live.place.store
    follower = Follower(Views(store, live.context), live.context)
    await live.order()
    await store.read(follower.begin)
    crews = follower.crews
    changes = await store.read(follower.read)
    assert (changes.orders, changes.crews, changes.alerts, changes.renewed, changes.more) == (
        [], [], [], False, False
    )  # fmt: skip
    assert follower.crews is crews, "else the fleet is made anew each second"


@pytest.mark.parametrize("broken", ["crews_of", "alerts_by_id"])
async def test_what_a_look_that_failed_had_found_comes_with_the_next(
    live: Live, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    store, context = live.place.store, live.context
    views = Views(store, context)
    follower = Follower(views, context)
    await store.read(follower.begin)
    order_id = await live.order()
    await dispatcher.dispatch(context, order_id, crew_id="E1", by=Actor("dispatcher", "dora"))
    due = context.clock.now()
    told = alert(key="a", role="dispatcher", code="promise_missed", due=due, centre_id="east")
    await store.transact(lambda _, now: Changes(None, outgoing=(told,)))

    def away(*_: object) -> None:
        raise ConnectionError("the line broke")

    where = (views, broken) if broken == "crews_of" else (follow, broken)
    with monkeypatch.context() as cut:
        cut.setattr(*where, away)
        with pytest.raises(ConnectionError):
            await store.read(follower.read)
    found = await store.read(follower.read)
    assert [one.id for one in found.orders] == [order_id]
    assert [(one.id, one.status) for one in found.crews] == [("E1", "assigned")]
    assert [one.code for one in found.alerts] == ["promise_missed"]


async def test_only_crews_whose_roster_or_order_changed_are_looked_at_and_none_is_missed(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now, looked = live.place.store, [0.0], []
    views = Views(store, live.context)
    real = views.crews_of
    monkeypatch.setattr(views, "crews_of", lambda c, rosters=None: looked.append(rosters) or real(c, rosters))
    follower = Follower(views, live.context, lambda: now[0])
    order = await live.order()
    await store.read(follower.begin)
    looked.clear()
    by = Actor("dispatcher", "dora")
    await dispatcher.dispatch(live.context, order, crew_id="E1", by=by)
    changes = await store.read(follower.read)
    assert [(c.id, c.status, len(c.stack)) for c in changes.crews] == [("E1", "assigned", 1)]
    crew = live.context.directory.crews["E1"]
    for step, status in (("acknowledge", "assigned"), ("depart", "en_route"), ("arrive", "on_scene")):
        await duty.step(live.context, order, step, crew=crew)
        await store.read(follower.read)
        assert follower.crews["E1"].status == status
    assert looked == [{("east", "service")}] * len(looked)
    assert follower.crews == {c.id: c for c in await store.read(real)}, "as if all had been looked at"


SCOPES = [
    Scope(role, centre, crew)  # type: ignore[arg-type]
    for role in ROLES
    for centre in (("east", "west", "") if role == "dispatcher" else ("",))
    for crew in (("E1", "") if role == "crew" else ("",))
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
async def test_boards_and_changes_choose_the_same_orders(place: Installation, scope: Scope) -> None:
    """The rule stands twice, in SQL and in Python: they agree on an order in every state."""
    await _orders_in_every_state(place)
    processes = place.context.processes

    def look(connection: Connection) -> tuple[set[str], set[str]]:
        every = load_orders(connection, processes, select(ORDER))
        sent = {r.id for r in connection.execute(select(ORDER).where(ORDER.c.sent_at.is_not(None)))}
        chosen = connection.execute(select(ORDER.c.id).where(on_board(scope))).scalars()
        return set(chosen), {o.id for o in every if holds(scope, o, processes.of(o), o.id in sent)}

    by_sql, by_python = await place.store.read(look)
    assert by_sql == by_python


async def _orders_in_every_state(place: Installation) -> None:
    context, by, dora = place.context, Actor("hotline", "holly"), Actor("dispatcher", "dora")
    steps = ("send", "receipt", "dispatch", "acknowledge", "depart", "arrive", "restore", "record", "close")
    for reached in reversed(range(len(steps) + 1)):
        spot = (EAST[0] + reached / 500, EAST[1]) if reached != 2 else WEST
        call = hotline.Call("phone", f"{reached} Road", "meter", "lv", place=hotline.Point(*spot))
        order_id = (await hotline.take_call(context, call, by=by)).order_id
        for step in steps[:reached]:
            if step == "send":
                await hotline.send(context, order_id, by=by)
            elif step == "receipt":
                centre = "west" if reached == 2 else "east"
                await dispatcher.centre_received(context, order_id, centre_id=centre, send=1)
            elif step == "dispatch":
                crew_id = "E1" if reached % 2 else "E2"
                await dispatcher.dispatch(context, order_id, crew_id=crew_id, by=dora)
            elif step == "close":
                await hotline.call_back(context, order_id, satisfied=True, by=by)
                await hotline.close(context, order_id, by=by)
            else:
                crew = context.directory.crews["E1" if reached % 2 else "E2"]
                data = {"cause": "x", "work_done": "y"}
                await duty.step(context, order_id, step, crew=crew, data=data)
