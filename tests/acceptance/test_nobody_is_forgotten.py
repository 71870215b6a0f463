"""Article: wherever an order stands without an answer, somebody is told after four minutes, and told again."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from dispatch.adapters.sql.organisation import load_directory, replace_organisation
from dispatch.core.types import Actor
from dispatch.services import chases, dispatcher, hotline
from tests.dispatch.centre import CENTRE, DORA, DUTY, HOLLY, LEADER1, Centre, organisation

DAY, NIGHT, HOTLINE_ON_CALL = "+8640001", "+8640002", "+8640003"
MARY = Actor("manager", "mary")
SCHEDULE = [
    {"unit": "north", "name": "Day", "phone": DAY, "start": "02:00", "end": "02:30"},
    {"unit": "north", "name": "Night", "phone": NIGHT, "start": "02:30", "end": "02:00"},
    {"unit": "hotline", "name": "Head", "phone": HOTLINE_ON_CALL},
]


def schedule(centre: Centre, *duties: dict[str, Any]) -> None:
    """An administrator saves who is on call; the stories begin at 02:00 in the utility's zone."""

    def save(connection: Any) -> Any:
        replace_organisation(connection, {**organisation(), "on_call": list(duties)})
        return load_directory(connection)

    centre.context.directory = centre.database.at_once(save)


async def watches(centre: Centre, order_id: str) -> set[str]:
    return {name for name in await centre.armed(order_id) if name.startswith("watch:")}


async def test_a_call_that_nobody_sends_reaches_the_hotlines_shift_leader(centre: Centre) -> None:
    schedule(centre, *SCHEDULE)
    order_id = await centre.call()
    assert await watches(centre, order_id) == {"watch:hotline"}
    await centre.until(11)
    assert await centre.rungs(order_id) == [(4, ""), (5, "on_call"), (10, ""), (11, "on_call")]
    assert centre.exchange.log() == [(5, HOTLINE_ON_CALL), (11, HOTLINE_ON_CALL)]
    assert set(await centre.alerts("unanswered_hotline")) == {"hotline", "manager"}
    await hotline.send(centre.context, order_id, by=HOLLY)
    assert await watches(centre, order_id) == {"watch:centre"}


async def test_an_order_that_came_back_to_the_hotline_is_watched_there(centre: Centre) -> None:
    order_id = await centre.sent()
    await dispatcher.return_order(centre.context, order_id, reason="misrouted", by=DORA)
    assert await watches(centre, order_id) == {"watch:hotline"}
    await centre.until(8)
    assert [phone for _, phone in await centre.rungs(order_id)] == ["", "on_call"]


async def test_an_order_that_was_accepted_and_is_not_dispatched_climbs_again(centre: Centre) -> None:
    schedule(centre, *SCHEDULE)
    order_id = await centre.sent()
    await centre.until(2)
    await dispatcher.accept(centre.context, order_id, by=DORA)
    assert await watches(centre, order_id) == {"watch:hand"}
    await centre.until(7)
    assert await centre.rungs(order_id) == [(6, "centre_duty"), (7, "on_call")]
    assert centre.exchange.log() == [(6, CENTRE), (7, DAY)]
    assert await centre.alerts("unanswered_hand") == ["dispatcher", "dispatcher", "manager"]
    await dispatcher.dispatch(centre.context, order_id, crew_id="N1", by=DORA)
    assert await watches(centre, order_id) == {"watch:crew"}
    await centre.step(order_id, "acknowledge")
    assert await watches(centre, order_id) == set()


async def test_who_is_on_call_is_asked_when_the_telephone_is_taken_up(centre: Centre) -> None:
    schedule(centre, *SCHEDULE)
    await centre.sent()
    await centre.until(36)
    numbers = [number for _, number in centre.exchange.log() if number in {DAY, NIGHT}]
    assert numbers == [DAY] * 4 + [NIGHT] * 2, "a shift ends at 02:30"


async def test_nobody_on_call_is_the_leader_and_said_so(centre: Centre) -> None:
    order_id = await centre.sent()
    await centre.until(7)
    assert centre.exchange.log() == [(5, CENTRE), (6, LEADER1)]
    order = await centre.order(order_id)
    noted = [e.data for e in order.history if e.kind == "attempt" and e.data["to"] == "on_call"]
    assert {(a["name"], a["note"]) for a in noted if a["state"] == "dialling"} == {
        ("Li", "nobody is on call for north: leader 1 instead")
    }


async def test_an_order_of_no_centre_rings_the_first_desk_that_has_a_telephone(centre: Centre) -> None:
    order_id = await centre.call(None, address="somewhere")
    await centre.until(5.5)
    assert await centre.attempts(order_id) == [("on_call", "dialling"), ("on_call", "no_answer")]
    assert {call.number for call in centre.exchange.calls.values()} == {CENTRE}
    assert set(await centre.alerts("unanswered_hotline")) == {"hotline", "manager"}
    assert await watches(centre, order_id) == {"watch:hotline"}, "and it goes on"


async def test_a_chase_rings_the_crew_and_its_leader_and_raises_the_priority(centre: Centre) -> None:
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    await centre.until(3)
    await chases.supervise(centre.context, order_id, by=MARY, text="hospital", key="s1")
    await chases.supervise(centre.context, order_id, by=MARY, text="hospital", key="s1")
    await centre.until(4)
    order = await centre.order(order_id)
    assert order.priority == 2
    (noted,) = [e for e in order.history if e.kind == "supervise"]
    assert (str(noted.by), noted.data["text"]) == ("manager:mary", "hospital")
    assert sorted(centre.exchange.log()) == [(3, DUTY), (3, LEADER1)], "once"
    assert sorted(await centre.alerts("supervised")) == ["crew", "dispatcher"]
    calls = list(centre.exchange.calls.values())
    assert all("1 work order(s) watched by a superior: 1 Lane" in c.prompt for c in calls)
    assert {state for _, state in await centre.attempts(order_id)} == {"dialling", "no_answer"}
    assert {e.data["why"] for e in order.history if e.kind == "attempt"} == {"supervise"}


async def test_an_expedite_at_the_centre_rings_the_centre_and_whoever_is_above_it(centre: Centre) -> None:
    schedule(centre, *SCHEDULE)
    centre.context.zone = ZoneInfo("Asia/Shanghai")  # 10:00
    order_id = await centre.sent()
    await chases.expedite(centre.context, order_id, by=HOLLY, text="still dark")
    await centre.until(2)
    assert sorted(number for _, number in centre.exchange.log()) == [CENTRE, NIGHT]
    assert sorted(await centre.alerts("expedited")) == ["dispatcher", "manager"]
    assert (await centre.order(order_id)).priority == 1
    assert "expedite" in await centre.contacts()


async def test_a_one_on_a_chase_is_kept_and_pauses_no_watch(centre: Centre) -> None:
    centre.exchange.habits = {LEADER1: "press 1"}
    order_id = await centre.dispatched()
    await chases.expedite(centre.context, order_id, by=HOLLY)
    await chases.supervise(centre.context, order_id, by=MARY)
    await centre.until(9)
    order = await centre.order(order_id)
    assert order.state == "delivered"
    assert [e.data["who"] for e in order.history if e.kind == "in_hand"][:1] == ["leader1"]
    assert await centre.rungs(order_id) == [(6, "crew_duty"), (7, "leader1"), (10.25, "leader2")][:2]


async def test_a_crew_that_presses_one_when_it_is_chased_acknowledges(centre: Centre) -> None:
    centre.exchange.habits = {DUTY: "press 1"}
    order_id = await centre.dispatched()
    await chases.expedite(centre.context, order_id, by=HOLLY)
    await centre.until(4)
    assert (await centre.order(order_id)).state == "acknowledged"
    assert {c.ended for c in centre.exchange.calls.values()} <= {"completed", "cut"}
