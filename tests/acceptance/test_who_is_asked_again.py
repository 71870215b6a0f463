"""The automatic does not send an order back to a crew that gave it up, or that it was taken from."""

from __future__ import annotations

import pytest

from dispatch.services import dispatcher
from tests.dispatch.centre import DORA, Centre


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
