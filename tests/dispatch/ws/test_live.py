"""What screens are told, in which order, and what they are never told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.ws import live as module
from dispatch.core.types import Actor
from dispatch.services import crew as duty
from dispatch.services import dispatcher
from dispatch.services.people import Person
from tests.dispatch.organisation import WEST
from tests.dispatch.ws.conftest import Live
from tests.dispatch.ws.line import Line

DORA = Actor("dispatcher", "dora")
ADA = Person("ada", "Ada", "admin")


async def test_a_board_comes_first_and_changes_follow_it_without_a_gap(live: Live) -> None:
    before = await live.order()
    screen = await live.screen("dora")
    board = await screen.next("board")
    assert [o["id"] for o in board["orders"]] == [before]
    assert {c["id"] for c in board["crews"]} == {"E1", "E2"}
    order = await live.order(address="2 Other Street", place=(30.08, 120.08))
    seq = board["seq"]
    while True:
        frame = await screen.next("changes")
        assert frame["prev"] == seq
        seq = frame["seq"]
        if any(o["id"] == order and o["state"] == "at_centre" for o in frame["orders"]):
            break


async def test_an_order_that_ends_is_gone_and_its_crew_is_shown(live: Live) -> None:
    order = await live.order()
    screen = await live.screen("dora")
    await screen.next("board")
    await dispatcher.dispatch(live.context, order, crew_id="E1", by=DORA)
    frame = await screen.until(lambda f: f.get("crews"))
    assert frame["crews"][0]["stack"][0]["order_id"] == order
    assert frame["crews"][0]["status"] == "assigned"
    crew = live.context.directory.crews["E1"]
    for step in ("acknowledge", "depart", "arrive", "restore"):
        await duty.step(live.context, order, step, crew=crew)
    frame = await screen.until(lambda f: f.get("gone"))
    assert frame["gone"] == [order]


async def test_the_other_centres_orders_crews_and_alerts_are_never_sent(live: Live) -> None:
    screen = await live.screen("dora")
    await screen.next("board")
    foreign = await live.order(WEST)
    await dispatcher.dispatch(live.context, foreign, crew_id="W1", by=Actor("dispatcher", "wanda"))
    await duty.step(
        live.context, foreign, "reject", crew=live.context.directory.crews["W1"],
        data={"reason": "wrong_trade"},
    )  # fmt: skip
    own = await live.order()
    await screen.until(lambda f: any(o["id"] == own for o in f.get("orders", ())))
    assert foreign not in str(screen.heard)
    assert "W1" not in str(screen.heard)


async def test_a_crew_is_sent_its_own_orders_and_told_when_they_are_taken_away(live: Live) -> None:
    order, other = await live.order(), await live.order(address="2 Other Street", place=(30.08, 120.08))
    screen = await live.screen("carl")
    assert (await screen.next("board"))["orders"] == []
    await dispatcher.dispatch(live.context, other, crew_id="E2", by=DORA)
    await dispatcher.dispatch(live.context, order, crew_id="E1", by=DORA)
    frame = await screen.until(lambda f: f.get("orders"))
    assert [o["id"] for o in frame["orders"]] == [order]
    await dispatcher.recall(live.context, order, reason="nearer_crew", by=DORA)
    assert (await screen.until(lambda f: f.get("gone")))["gone"] == [order]
    assert other not in str(screen.heard)


async def test_a_page_that_missed_something_asks_and_gets_a_board(live: Live) -> None:
    screen = await live.screen("dora")
    await screen.next("board")
    order = await live.order()
    await screen.say(type="resync")
    board = await screen.next("board")
    assert [o["id"] for o in board["orders"]] == [order]
    again = await live.order(address="2 Other Street", place=(30.08, 120.08))
    frame = await screen.next("changes")
    assert frame["prev"] == board["seq"]
    assert again in str(frame) or again in str(await screen.next("changes"))


async def test_a_slow_screen_loses_frames_and_gets_a_board_instead(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = await live.screen("dora")
    await slow.next("board")
    viewer = next(iter(live.server._viewers))
    gate = asyncio.Event()
    send = viewer._send

    async def stuck(message: bytes, text: bool) -> None:
        await gate.wait()
        await send(message, text)

    monkeypatch.setattr(viewer, "_send", stuck)
    monkeypatch.setattr("dispatch.adapters.ws.viewer.FRAMES", 2)
    orders = []
    for n in range(8):
        orders.append(await live.order(address=f"{n} Long Street", place=(30.02 + n / 200, 120.02)))
        await asyncio.sleep(0.12)
    assert viewer.wants_board
    assert len(viewer._frames) <= 2
    gate.set()
    board = await slow.next("board")
    assert {o["id"] for o in board["orders"]} == set(orders)
    assert sum(f["type"] == "changes" for f in slow.heard) <= 3


async def test_there_is_a_frame_every_second_or_so(live: Live) -> None:
    """A page takes 1.8 s of silence for a cut."""
    screen = await live.screen("mona")
    await screen.next("board")
    for _ in range(3):
        tick = await screen.next("tick", within=1.5)
        assert tick["seq"] == screen.heard[0]["seq"]
        assert tick["now"].endswith("Z")


async def test_a_network_that_dies_silently_is_noticed(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """No FIN, no reset: only what does not come back tells it. Who is still there stays."""
    monkeypatch.setattr(module, "DEAD_AFTER", 0.5)
    await live.server.stop()
    port = await live.server.start("127.0.0.1", 0)
    async with Line(port) as line:
        live.port = line.port
        dead = await live.screen("dora")
        await dead.next("board")
        live.port = port
        alive = await live.screen("mona")
        await alive.next("board")
        assert live.server.screens == 2
        line.silence()
        async with asyncio.timeout(5):
            while live.server.screens > 1:
                await asyncio.sleep(0.05)
        await alive.next("tick")
        dead.connection.transport.abort()


async def test_a_person_who_is_disabled_is_shown_out(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_STILL", 0.1)
    screen = await live.screen("dora")
    await screen.next("board")
    people = SqlPeople(live.place.store)
    was = await people.person("dora")
    assert was is not None
    await people.change(replace(was, active=False), was, by=ADA)
    with pytest.raises(ConnectionClosed, match="sign in again"):
        await screen.until(lambda f: False)


async def test_who_signs_out_is_shown_out(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_STILL", 0.1)
    screen = await live.screen("dora")
    out = live.tokens["dora"]
    again = await live.screen("dora")
    for one in (screen, again):
        await one.next("board")
    await SqlPeople(live.place.store).sign_out(out)
    with pytest.raises(ConnectionClosed, match="sign in again"):
        await screen.until(lambda f: False)
    await again.next("tick")


async def test_a_session_that_ends_by_itself_ends_its_screen(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KNOWN_STILL", 0.1)
    monkeypatch.setattr("dispatch.adapters.sql.people.LASTS", timedelta(seconds=2))
    screen = await live.screen("dora")
    await screen.next("board")
    with pytest.raises(ConnectionClosed, match="sign in again"):
        await screen.until(lambda f: False)


async def test_a_ticket_ends_with_the_session_that_asked_for_it(live: Live) -> None:
    ticket = await live.ticket("dora")
    await SqlPeople(live.place.store).sign_out(live.tokens["dora"])
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(live.url(ticket)):
            pass


async def test_who_comes_in_while_the_others_are_looked_at_stays(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await live.screen("dora")
    await first.next("board")
    real, newcomers = live.server._views.look, []

    async def slow(work: Any) -> Any:
        found = await real(work)
        monkeypatch.setattr(live.server._views, "look", real)
        newcomers.append(await live.screen("mona"))
        return found

    monkeypatch.setattr(live.server._views, "look", slow)
    await live.server._part_with_strangers()
    assert (await newcomers[0].next("board"))["orders"] == []


async def test_a_changed_organisation_brings_new_boards(live: Live) -> None:
    screen = await live.screen("dora")
    await screen.next("board")
    from dispatch.adapters.sql.administration import SqlAdministration

    administration = SqlAdministration(live.place.store, live.context)
    document = administration.document()
    document["crews"][0]["name"] = "Crew with another name"
    await administration.replace(document, by=ADA)
    board = await screen.next("board")
    assert "Crew with another name" in [c["name"] for c in board["crews"]]


async def test_alerts_are_sent_when_raised_and_when_acknowledged(live: Live) -> None:
    order = await live.order()
    screen = await live.screen("dora")
    await screen.next("board")
    await dispatcher.dispatch(live.context, order, crew_id="E1", by=DORA)
    crew = live.context.directory.crews["E1"]
    await duty.step(live.context, order, "reject", crew=crew, data={"reason": "wrong_trade"})
    alert = (await screen.until(lambda f: f.get("alerts")))["alerts"][0]
    assert (alert["code"], alert["acknowledged_by"]) == ("order_reject", "")
    await live.server._views.acknowledge_alert(alert["id"], "dora")
    seen = (await screen.until(lambda f: f.get("alerts")))["alerts"][0]
    assert (seen["id"], seen["acknowledged_by"]) == (alert["id"], "dora")


async def test_what_is_no_message_ends_the_connection(live: Live) -> None:
    screen = await live.screen("dora")
    await screen.connection.send("{")
    with pytest.raises(ConnectionClosed, match="1007"):
        await screen.until(lambda f: False)


@pytest.mark.parametrize("ticket", ["", "x", "AAAA", "ä", "%ff"])
async def test_a_ticket_that_is_none_is_refused(live: Live, ticket: str) -> None:
    with pytest.raises(InvalidStatus, match="401"):
        async with connect(live.url(ticket)):
            pass


async def test_a_ticket_opens_one_connection_only(live: Live) -> None:
    ticket = await live.ticket("dora")
    async with connect(live.url(ticket)):
        with pytest.raises(InvalidStatus, match="401"):
            async with connect(live.url(ticket)):
                pass


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.test", "null", "http://127.0.0.1.evil.test", "http://[", "file://127.0.0.1"]
)
async def test_another_origin_is_refused_and_leaves_the_ticket_unused(live: Live, origin: str) -> None:
    ticket = await live.ticket("dora")
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(live.url(ticket), additional_headers={"Origin": origin}):
            pass
    async with connect(live.url(ticket), additional_headers={"Origin": "http://127.0.0.1:8045"}):
        pass


async def test_another_path_is_nothing(live: Live) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        async with connect(f"ws://127.0.0.1:{live.port}/other"):
            pass
