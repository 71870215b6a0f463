"""The auditor sees that the telephone reaches nobody, which no single call says."""

from __future__ import annotations

from dispatch.core.types import Point
from tests.dispatch.bootstrap.test_auditor import at_minute, findings
from tests.dispatch.centre import DUTY, LEADER1, LEADER2, Centre
from tests.dispatch.databases import Database


async def test_a_telephone_whose_every_call_fails(database: Database) -> None:
    centre = Centre(database)
    habits = centre.exchange.habits
    habits[DUTY] = habits[LEADER1] = habits[LEADER2] = "fails"
    order_id = await centre.dispatched()
    await centre.until(7.2)
    assert [s for _, s in await centre.attempts(order_id) if s != "dialling"] == ["failed", "failed"]
    assert "audit_calls_fail" not in await findings(at_minute(database, 7.2)), "two may be wrong numbers"
    await centre.until(8.2)
    found = (await findings(at_minute(database, 8.2)))["audit_calls_fail"]
    assert found.facts == {"count": 3, "outcome": "failed: 503 Service Unavailable"}
    assert "audit_calls_fail" not in await findings(at_minute(database, 69)), "nobody has called for an hour"
    habits[DUTY] = "no_answer"
    await centre.until(14)
    assert "audit_calls_fail" not in await findings(at_minute(database, 14)), "one got through"


async def test_calls_that_were_never_heard_of_have_failed_and_those_cut_say_nothing(
    database: Database,
) -> None:
    centre = Centre(database)
    habits = centre.exchange.habits
    habits[DUTY], habits[LEADER1], habits[LEADER2] = "lost", "lost", "fails"
    order_id = await centre.dispatched()
    other = await centre.dispatched("N2", Point(30.01, 120.01), at=5.5)
    await centre.until(9.6)  # the other one's crew is rung
    await centre.step(other, "acknowledge", "N2")
    await centre.until(10.5)
    assert ("crew_duty", "cut") in await centre.attempts(other)
    assert ("leader1", "failed") in await centre.attempts(order_id)
    assert (await findings(at_minute(database, 10.5)))["audit_calls_fail"].facts["count"] == 3
