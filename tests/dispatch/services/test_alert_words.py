"""What alerts say, and how often it is said that something was given up."""

from __future__ import annotations

from dispatch.services.retries import given_up
from dispatch.services.words import words
from tests.dispatch.outside import START as NOW


def test_every_alert_says_what_to_do() -> None:
    assert set(words()["alert_codes"]) == set(words()["alert_advice"])


def test_a_party_of_another_centre_that_is_not_reached_is_told_of_too() -> None:
    told = [
        given_up("phone", target, centre, "busy", NOW)
        for target, centre in (("crew_duty", "north"), ("crew_duty", "south"), ("leader1", "north"))
    ]
    assert len({one.key for one in told}) == 3
    assert [one.centre_id for one in told] == ["north", "south", "north"]
    assert len({given_up("desired", d, "north", "x", NOW).key for d in ("a", "b")}) == 1, (
        "not for each vehicle"
    )
