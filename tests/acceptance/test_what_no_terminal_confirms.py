"""Article: what a terminal does not confirm is told to the centre, and to whoever is above it where nobody there answers."""

from __future__ import annotations

import pytest

from dispatch.adapters.sql.statements import ALERT
from dispatch.adapters.sql.views import Views
from dispatch.core.escalation import clocks as armed_by_history
from dispatch.core.types import Point
from dispatch.messages import Receipt
from dispatch.services import dispatcher, hotline
from dispatch.services.locating import give_place
from dispatch.services.tracking import device_event
from tests.dispatch.centre import CENTRE, DORA, HOLLY, LEADER1, LEADER2, PROCESS, Centre

ELSEWHERE = Point(30.055, 120.055)
TO_THE_CREW, TO_ANSWER = 4.0, 4.0
"""Minutes: the limit of the segment DE, and of the watch for the crew."""


async def told(centre: Centre, code: str) -> list[tuple[str, str, str]]:
    """Role, centre and how it was settled, in order."""
    rows = sorted(await centre.rows(ALERT, code=code), key=lambda row: row.id)
    return [(row.role, row.centre_id, row.settled) for row in rows]


async def corrected(centre: Centre) -> str:
    """An acknowledged order whose place was corrected after three minutes, while its terminal was away."""
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    centre.terminals.online.discard("t-N1")
    await centre.until(3)
    await give_place(centre.context, order_id, ELSEWHERE, address="2 Lane", by=HOLLY)
    return order_id


async def recalled(centre: Centre) -> str:
    """An order that was taken back after three minutes, while its terminal was away."""
    order_id = await centre.dispatched()
    await centre.step(order_id, "acknowledge")
    centre.terminals.online.discard("t-N1")
    await centre.until(3)
    await dispatcher.recall(centre.context, order_id, reason="duplicate", by=DORA)
    return order_id


async def same_as_history(centre: Centre, order_id: str) -> None:
    order = await centre.order(order_id)
    assert await centre.armed(order_id) == {clock.name for clock in armed_by_history(order, PROCESS)}


async def test_a_correction_that_an_offline_terminal_does_not_confirm_is_told_to_the_dispatcher(
    centre: Centre,
) -> None:
    order_id = await corrected(centre)
    assert "unreceipted:t-N1" in await centre.armed(order_id)
    await centre.until(3 + TO_THE_CREW - 0.1)
    assert await told(centre, "unreceipted") == []
    await centre.until(3 + TO_THE_CREW)
    assert await told(centre, "unreceipted") == [("dispatcher", "north", "")]
    await same_as_history(centre, order_id)
    await centre.terminals.come_online("t-N1")
    assert await told(centre, "unreceipted") == [("dispatcher", "north", "also_received")]
    assert "unreceipted:t-N1" not in await centre.armed(order_id)
    await centre.until(20)
    assert await told(centre, "unheard") == []


async def test_a_correction_that_is_confirmed_in_time_is_told_to_nobody(centre: Centre) -> None:
    order_id = await corrected(centre)
    await centre.until(4)
    await centre.terminals.come_online("t-N1")
    assert "unreceipted:t-N1" not in await centre.armed(order_id)
    await centre.until(20)
    assert await told(centre, "unreceipted") == await told(centre, "unheard") == []


async def test_where_nobody_answers_the_chain_of_the_crews_watch_goes_on_above_the_centre(
    centre: Centre,
) -> None:
    order_id = await corrected(centre)
    above = 3 + TO_THE_CREW + TO_ANSWER
    await centre.until(above - 0.1)
    assert await told(centre, "unheard") == []
    await centre.until(above + 2)
    assert await told(centre, "unheard") == [
        ("dispatcher", "north", "told_again"), ("dispatcher", "north", ""), ("manager", "north", "")
    ]  # fmt: skip
    assert "manager" in [role for role, title in centre.mail.told if "silent terminal" in title]
    assert [call for call in centre.exchange.log() if call[0] >= above] == [
        (above, LEADER1), (above + 1, LEADER2)
    ]  # fmt: skip
    climbed = [e.data for e in (await centre.order(order_id)).history if e.kind == "escalated"]
    assert [(e["rung"], e["alert"], e["phone"]) for e in climbed] == [
        (2, ["dispatcher"], "leader1"), (3, ["dispatcher", "manager"], "leader2")
    ]  # fmt: skip
    await same_as_history(centre, order_id)
    await centre.until(30)
    assert len(await told(centre, "unheard")) == 3, "the last rung is not repeated"
    await centre.terminals.come_online("t-N1")
    assert [settled for *_, settled in await told(centre, "unheard")][1:] == ["also_received"] * 2


async def test_what_a_dispatcher_has_acknowledged_goes_no_further(centre: Centre) -> None:
    order_id = await corrected(centre)
    await centre.until(3 + TO_THE_CREW)
    (alert,) = await centre.rows(ALERT, code="unreceipted")
    await Views(centre.store, centre.context).acknowledge_alert(alert.id, "dora")
    await centre.until(20)
    assert await told(centre, "unheard") == []
    (noted,) = [e for e in (await centre.order(order_id)).history if e.kind == "escalated"]
    assert noted.data["heard"] == "dora"


async def test_a_rung_that_was_acknowledged_is_the_last_one(centre: Centre) -> None:
    await corrected(centre)
    await centre.until(3 + TO_THE_CREW + TO_ANSWER + 0.1)
    (alert,) = await centre.rows(ALERT, code="unheard")
    await Views(centre.store, centre.context).acknowledge_alert(alert.id, "dora")
    await centre.until(20)
    assert await told(centre, "unheard") == [("dispatcher", "north", "")]


async def test_a_leader_who_takes_it_in_hand_pauses_the_chain(centre: Centre) -> None:
    await corrected(centre)
    centre.exchange.habits[LEADER1] = "presses 1"
    above = 3 + TO_THE_CREW + TO_ANSWER
    await centre.until(above + 3.2)
    (call,) = (one for one in centre.exchange.calls.values() if one.number == LEADER1)
    assert "which a terminal does not confirm, and nobody at the centre answers: 2 Lane" in call.prompt
    assert [role for role, *_ in await told(centre, "unheard")] == ["dispatcher"]
    await centre.until(above + 3.3)
    assert [role for role, *_ in await told(centre, "unheard")] == ["dispatcher", "dispatcher", "manager"]


async def test_an_order_that_left_its_crew_needs_no_confirmation_of_its_place_but_one_of_its_recall(
    centre: Centre,
) -> None:
    order_id = await corrected(centre)
    await centre.until(5)
    await dispatcher.recall(centre.context, order_id, reason="duplicate", by=DORA)
    names = {name for name in await centre.armed(order_id) if name.endswith(":t-N1")}
    assert names == {"recall_unreceipted:t-N1"}
    await centre.until(20)
    assert await told(centre, "unreceipted") == []


@pytest.mark.parametrize("ends", [False, True])
async def test_a_recall_that_an_offline_terminal_does_not_confirm_is_told_though_the_order_ends(
    centre: Centre, ends: bool
) -> None:
    order_id = await recalled(centre)
    await centre.until(4)
    if ends:
        await hotline.cancel(centre.context, order_id, reason="duplicate", by=HOLLY)
    await centre.until(3 + TO_THE_CREW - 0.1)
    assert await told(centre, "recall_unreceipted") == []
    await centre.until(3 + TO_THE_CREW)
    assert await told(centre, "recall_unreceipted") == [("dispatcher", "north", "")]
    await centre.until(3 + TO_THE_CREW + TO_ANSWER + 1)
    assert ("manager", "north", "") in await told(centre, "unheard")
    (alert,) = await centre.rows(ALERT, code="unheard", role="manager")
    assert alert.facts["crew_id"] == "N1", "whose vehicle it is, whoever has the order"
    await same_as_history(centre, order_id)
    await centre.terminals.come_online("t-N1")
    assert {settled for *_, settled in await told(centre, "unheard")} == {"told_again", "removed"}
    assert not [name for name in await centre.armed(order_id) if name.endswith(":t-N1")]


async def test_a_crew_that_gave_the_order_back_itself_knows_it(centre: Centre) -> None:
    order_id = await centre.dispatched()
    centre.terminals.online.discard("t-N1")
    await centre.step(order_id, "reject", data={"reason": "vehicle_breakdown"})
    assert (await centre.order(order_id)).removing
    await centre.until(20)
    assert await told(centre, "recall_unreceipted") == []


async def test_what_the_gateway_told_first_is_told_once_and_goes_on_from_there(centre: Centre) -> None:
    order_id = await corrected(centre)
    await centre.until(3.5)
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", order_id, 2, "unreceipted", at))
    await centre.until(3.5 + TO_ANSWER - 0.1)
    assert await told(centre, "unheard") == []
    await centre.until(3.5 + TO_ANSWER)
    assert await told(centre, "unreceipted") == [("dispatcher", "north", "told_again")]
    assert await told(centre, "unheard") == [("dispatcher", "north", "")]


async def test_what_a_centre_without_a_dispatcher_does_not_hear_reaches_who_is_above_it(
    centre: Centre,
) -> None:
    """A rejected order, and one that its terminal does not confirm, have a watch: its chain goes on above the centre."""
    order_id = await centre.dispatched()
    await centre.until(3)
    await centre.step(order_id, "reject", data={"reason": "vehicle_breakdown"})
    await centre.until(3 + TO_ANSWER + 1.2)
    assert await told(centre, "order_reject") == [("dispatcher", "north", "")]
    assert [role for role, *_ in await told(centre, "unanswered_centre")] == ["hotline", "hotline", "manager"]
    assert [number for _, number in centre.exchange.log()] == [CENTRE, LEADER1]
    at = centre.clock.now().timestamp()
    await dispatcher.dispatch(centre.context, order_id, crew_id="N2", by=DORA)
    await device_event(centre.context, Receipt("t-N2", order_id, 2, "unreceipted", at))
    await centre.until(8.2 + TO_ANSWER + 2.2)
    assert ("manager", "north", "") in await told(centre, "unanswered_crew")
    assert await told(centre, "unheard") == [], "nobody is told the same twice"


async def test_what_a_terminal_says_of_an_older_text_is_not_taken_for_the_new_one(centre: Centre) -> None:
    """The gateway gave up on the first text while the corrected one was on its way."""
    await corrected(centre)
    await centre.until(3.5)
    order_id = (await centre.rows(ALERT, code="order_located"))[0].order_id
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "unreceipted", at))
    await centre.until(3 + TO_THE_CREW)
    assert await told(centre, "unreceipted") == [("dispatcher", "north", "")]
    above = 3 + TO_THE_CREW + TO_ANSWER
    await centre.until(above + 1)
    assert (above, LEADER1) in centre.exchange.log()


async def test_a_crew_that_has_just_answered_leaves_its_dispatchers_time_before_anybody_above_is_rung(
    centre: Centre,
) -> None:
    """Until then the watch for the crew rang: at the moment of the answer nobody has had to see to its terminal yet."""
    order_id = await centre.dispatched()
    centre.terminals.online.discard("t-N1")
    await centre.until(3)
    await give_place(centre.context, order_id, ELSEWHERE, address="2 Lane", by=HOLLY)
    await centre.until(13.5)
    await centre.step(order_id, "acknowledge")
    await centre.until(13.5 + TO_ANSWER - 0.1)
    assert centre.exchange.log()[-1][0] < 13.5
    await centre.until(13.5 + TO_ANSWER)
    assert centre.exchange.log()[-1] == (13.5 + TO_ANSWER, LEADER1)
