"""A terminal is given to another crew: what it has seen is never in the way of what it should show now."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.adapters.sql.organisation import load_directory, replace_organisation
from dispatch.core.errors import BadInput
from dispatch.services import delivery, dispatcher
from tests.dispatch.centre import DORA, Centre, organisation
from tests.dispatch.databases import Database


def _swapped() -> dict[str, Any]:
    """N1 and N2 have changed their vehicles."""
    document = organisation()
    one, two = document["crews"][:2]
    one["vehicle"], two["vehicle"] = two["vehicle"], one["vehicle"]
    return document


async def test_orders_reach_a_terminal_that_was_another_crews(database: Database) -> None:
    centre = Centre(database)
    order_id = await centre.dispatched("N1")
    await dispatcher.recall(centre.context, order_id, reason="nearer_crew", by=DORA)
    await centre.until(3)
    seen = centre.terminals.desired["t-N1"].revision
    database.at_once(lambda c: replace_organisation(c, _swapped()))
    centre.context.directory = await centre.store.read(load_directory)
    for desired in await delivery.all_desired(centre.context):
        assert desired.revision > seen
        await centre.terminals.write_desired(desired)
    await dispatcher.dispatch(centre.context, order_id, crew_id="N2", by=DORA)
    await centre.until(4)
    assert centre.terminals.shown["t-N1"] == {order_id: 2}
    assert (await centre.order(order_id)).state == "delivered"


@pytest.mark.parametrize("wrong", ["8 o'clock", "25:00", "08:60", "", "24:30"])
async def test_a_shift_that_nobody_can_read_changes_nothing(database: Database, wrong: str) -> None:
    centre = Centre(database)
    document = organisation()
    document["crews"][0]["shift_start"] = wrong
    with pytest.raises(BadInput, match="shift_start"):
        database.at_once(lambda c: replace_organisation(c, document))
    assert await centre.store.read(load_directory) == centre.context.directory
