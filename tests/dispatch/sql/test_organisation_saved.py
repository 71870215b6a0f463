"""An organisation is put in place anew while crews work: what they hold and have shown goes with them."""

from __future__ import annotations

from typing import Any

import pytest

from dispatch.adapters.sql.organisation import replace_organisation
from dispatch.core.crew import CrewDuty, Roster, Stacked, stack
from dispatch.core.errors import BadInput
from dispatch.services.ports import Changes
from tests.dispatch.centre import organisation
from tests.dispatch.sql.two import Two


def changed(crew: str, **facts: Any) -> dict[str, Any]:
    """The organisation with one crew otherwise."""
    document = organisation()
    (entry,) = [c for c in document["crews"] if c["id"] == crew]
    entry.update(facts)
    return document


def without(*crews: str) -> dict[str, Any]:
    document = organisation()
    document["crews"] = [c for c in document["crews"] if c["id"] not in crews]
    return document


async def put(two: Two, crew: str, *orders: str) -> None:
    def decide(loaded: Any, now: Any) -> Changes[None]:
        roster = loaded.roster("south" if crew == "S1" else "north", "service")
        for order_id in orders:
            roster = stack(roster, crew, Stacked(order_id, 1, order_id))
        return Changes(None, rosters=(roster,))

    await two.first.transact(decide)


async def duties(two: Two) -> dict[str, tuple[Roster, CrewDuty]]:
    """Each crew's roster and duty; a crew stands on one roster only."""
    found = [(c.crew_id, (r, c)) for r in await two.second.rosters() for c in r.crews]
    assert len(dict(found)) == len(found)
    return dict(found)


async def test_saving_the_same_again_keeps_what_crews_hold(two: Two) -> None:
    await put(two, "N1", "W1", "W2")
    two.database.at_once(lambda c: replace_organisation(c, changed("N1", capacity=5)))
    _, duty = (await duties(two))["N1"]
    assert ([s.order_id for s in duty.stack], duty.revision, duty.capacity) == (["W1", "W2"], 2, 5)


async def test_a_crew_that_moves_takes_its_revision_along(two: Two) -> None:
    """Its terminals have seen this revision: an older one would never reach them."""
    await put(two, "S1", "W1")
    south = next(r for r in await two.second.rosters() if r.centre_id == "south")
    duty = south.crew("S1")
    await two.first.transact(
        lambda loaded, now: Changes(None, rosters=(_emptied(loaded.roster("south", "service")),))
    )
    two.database.at_once(
        lambda c: replace_organisation(c, changed("S1", centre_id="north", department_id="d-north"))
    )
    roster, after = (await duties(two))["S1"]
    assert roster.centre_id == "north"
    assert after.revision == duty.revision + 1


def _emptied(roster: Roster) -> Roster:
    from dispatch.core.crew import unstack

    return unstack(roster, "S1", "W1")[0]


@pytest.mark.parametrize(
    "document", [without("N1"), changed("N1", centre_id="south", department_id="d-south")]
)
async def test_a_crew_that_holds_orders_is_not_removed_nor_moved(two: Two, document: dict[str, Any]) -> None:
    await put(two, "N1", "W1")
    with pytest.raises(BadInput, match="crew N1 holds 1 order"):
        two.database.at_once(lambda c: replace_organisation(c, document))
    assert (await duties(two))["N1"][0].centre_id == "north"


async def test_a_crew_that_is_gone_stands_on_no_roster(two: Two) -> None:
    two.database.at_once(lambda c: replace_organisation(c, without("S1", "N3")))
    assert set(await duties(two)) == {"N1", "N2"}


@pytest.mark.parametrize("leader", ["leader1", "leader2"])
async def test_a_department_without_a_leaders_number_changes_nothing(two: Two, leader: str) -> None:
    document = without("S1")
    document["departments"][0][leader] = {"name": "Li"}
    with pytest.raises(BadInput, match=f"{leader} has no telephone number"):
        two.database.at_once(lambda c: replace_organisation(c, document))
    assert set(await duties(two)) == {"N1", "N2", "N3", "S1"}
