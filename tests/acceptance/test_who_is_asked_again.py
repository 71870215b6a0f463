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
