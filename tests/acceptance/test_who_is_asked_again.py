"""The automatic does not send an order back to a crew that gave it up, or that it was taken from."""

from __future__ import annotations

import pytest

from dispatch.services import dispatcher, hotline, incidents
from tests.dispatch.centre import DORA, HOLLY, THERE, Centre


@pytest.mark.parametrize("how", ["recall", "reject", "reassign"])
async def test_a_crew_that_had_the_order_is_not_chosen_again(centre: Centre, how: str) -> None:
    order_id = await centre.dispatched("N1")
    if how == "recall":
        await dispatcher.recall(centre.context, order_id, reason="no_answer", by=DORA)
    elif how == "reject":
        await centre.step(order_id, "reject", data={"reason": "cannot_leave"})
    else:
        await dispatcher.reassign(centre.context, order_id, crew_id="N2", reason="no_answer", by=DORA)
        await dispatcher.recall(centre.context, order_id, reason="no_answer", by=DORA)
    asked = []
    centre.context.policy = "nearest"
    while len(asked) < 5 and (await centre.order(order_id)).state == "at_centre":
        centre.fix_all()
        if not await dispatcher.match_waiting(centre.context):
            break
        asked.append((await centre.order(order_id)).crew_id)
        await dispatcher.recall(centre.context, order_id, reason="no_answer", by=DORA)
    assert asked == (["N3"] if how == "reassign" else ["N2", "N3"]), "each once, then it is a person's"
    assert "watch:centre" in await centre.armed(order_id), "nobody has it, and somebody is told"


@pytest.mark.parametrize("reason", sorted(dispatcher.FOR_A_PERSON))
async def test_what_was_taken_back_as_nobodys_here_goes_to_no_other_crew_by_itself(
    centre: Centre, reason: str
) -> None:
    order_id = await centre.dispatched("N1")
    await dispatcher.recall(centre.context, order_id, reason=reason, by=DORA)
    centre.context.policy = "nearest"
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 0
    assert "watch:centre" in await centre.armed(order_id), "nobody has it, and somebody is told"
    await dispatcher.dispatch(centre.context, order_id, crew_id="N2", by=DORA)
    await dispatcher.recall(centre.context, order_id, reason="no_answer", by=DORA)
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 1, "a person sent it again: that reason is over"


async def test_a_recall_as_misrouted_is_over_where_a_person_has_routed_the_order(centre: Centre) -> None:
    order_id = await centre.dispatched("N1")
    await dispatcher.recall(centre.context, order_id, reason="misrouted", by=DORA)
    where = {"centre_id": "south", "trade": "service", "area_class": "urban"}
    await hotline.route(centre.context, order_id, **where, by=HOLLY)
    centre.context.policy = "nearest"
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 1, "the automatic of the other centre has it"
    assert (await centre.order(order_id)).crew_id == "S1"


async def test_what_the_hotline_has_sent_again_is_the_automatics_again(centre: Centre) -> None:
    order_id = await centre.dispatched("N1")
    await dispatcher.recall(centre.context, order_id, reason="duplicate", by=DORA)
    await dispatcher.return_order(centre.context, order_id, reason="duplicate", by=DORA)
    await hotline.send(centre.context, order_id, by=HOLLY)
    await centre.until(4)
    centre.context.policy = "nearest"
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 1, "the hotline says that it is none"


async def test_an_incident_that_was_taken_back_as_nobodys_here_is_a_persons_when_it_is_parted_too(
    centre: Centre,
) -> None:
    lead = await centre.sent()
    other = await centre.sent(THERE)
    await incidents.group(centre.context, [lead, other], by=DORA)
    await dispatcher.dispatch(centre.context, lead, crew_id="N1", by=DORA)
    await dispatcher.recall(centre.context, lead, reason="wrong_territory", by=DORA)
    await incidents.part(centre.context, lead, by=DORA)
    centre.context.policy = "nearest"
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 0


@pytest.mark.parametrize("recalled_first", [False, True])
async def test_that_one_caller_of_an_incident_withdrew_keeps_no_crew_from_the_others(
    centre: Centre, recalled_first: bool
) -> None:
    lead = await centre.sent()
    other = await centre.sent(THERE)
    await incidents.group(centre.context, [lead, other], by=DORA)
    await dispatcher.dispatch(centre.context, lead, crew_id="N1", by=DORA)
    if recalled_first:
        await dispatcher.recall(centre.context, lead, reason="customer_withdrew", by=DORA)
    await hotline.cancel(centre.context, lead, reason="customer_withdrew", by=HOLLY)
    after = await centre.order(other)
    assert (after.state, after.incident_id) == ("at_centre", "")
    centre.context.policy = "nearest"
    centre.fix_all()
    assert await dispatcher.match_waiting(centre.context) == 1
