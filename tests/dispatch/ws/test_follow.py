"""Following commits that do not come in the order of their ids, and boards that agree with what follows them."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, insert, select

from dispatch.adapters.sql.order_rows import load_orders
from dispatch.adapters.sql.statements import EVENT
from dispatch.adapters.sql.views import ORDER, Views, holds, on_board
from dispatch.adapters.ws.follow import GAP_ENDS, REVIEW, Follower
from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services import dispatcher, hotline
from dispatch.services.people import ROLES, Scope
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


async def test_what_is_quiet_is_nothing(live: Live) -> None:
    store = live.place.store
    follower = Follower(Views(store, live.context), live.context)
    await live.order()
    await store.read(follower.begin)
    changes = await store.read(follower.read)
    assert (changes.orders, changes.crews, changes.alerts, changes.renewed, changes.more) == (
        [], [], [], False, False
    )  # fmt: skip


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
    now[0] = REVIEW
    await store.read(follower.read)
    assert looked[-1] is None, "shifts begin and end by themselves"


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
        chosen = connection.execute(select(ORDER.c.id).where(on_board(scope, processes))).scalars()
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
