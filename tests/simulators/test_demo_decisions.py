"""What the demonstration's crews, hotline and dispatchers decide, from what they are shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from simulators.actors.duty import Desks
from simulators.actors.mind import Mind, in_work
from simulators.actors.scenario import load_scenario
from simulators.actors.seen import Alert, Board, Crew, Desk, Order, Stack, Watch
from simulators.behaviour import load
from simulators.people import People

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def people(**shares: float) -> People:
    """Nobody is silent, nobody rejects, nobody eats, unless `shares` says so."""
    made = People(1)
    behaviour = load()
    known = {**behaviour.shares, "crew_silent": 0.0, "crew_rejects": 0.0, "crew_away": 0.0, **shares}
    made.behaviour = replace(behaviour, shares=known)
    return made


def order(state: str, **changed: object) -> Order:
    base = Order("W1", state, 1, "5 Lamp Street", "861055500001", "meter", "lv", T0, {"A": T0})
    return msgspec.structs.replace(base, **changed)


def stack(*orders: Order, to_record: tuple[Order, ...] = ()) -> Stack:
    return Stack(Crew("crew-01"), list(orders), list(to_record), "standby")


POINTS = {"A": T0, "D": at(60), "E": at(62), "F": at(90), "G": at(180), "H": at(900)}


def upto(point: str) -> dict[str, datetime]:
    return {name: when for name, when in POINTS.items() if name <= point}


@pytest.mark.parametrize(
    ("state", "points", "arrived", "step", "after"),
    [
        ("delivered", "E", None, "acknowledge", "E"),
        ("acknowledged", "F", None, "depart", "F"),
        ("en_route", "G", at(880), "arrive", "G"),
        ("on_scene", "H", None, "restore", "H"),
    ],
)
def test_each_state_leads_to_its_step(
    state: str, points: str, arrived: datetime | None, step: str, after: str
) -> None:
    mind = Mind(people(), "crew-01")
    [intent] = mind.intents(stack(order(state, points=upto(points))), arrived, at(1000))
    assert (intent.step, intent.order.id) == (step, "W1")
    assert intent.due > POINTS[after]


@pytest.mark.parametrize("state", ["dispatched", "en_route"])
def test_nothing_is_pressed_before_the_terminal_has_it_or_the_vehicle_is_there(state: str) -> None:
    assert Mind(people(), "crew-01").intents(stack(order(state, points=upto("D"))), None, at(1000)) == []


def test_a_restarted_crew_decides_the_same() -> None:
    for state, point in (("delivered", "E"), ("acknowledged", "F"), ("on_scene", "H")):
        seen = stack(order(state, points=upto(point)))
        first = Mind(people(), "crew-01").intents(seen, None, at(1000))
        assert first == Mind(people(), "crew-01").intents(seen, None, at(5000))


def test_a_silent_crew_answers_only_when_its_leader_has_been_rung() -> None:
    mind = Mind(people(crew_silent=1.0), "crew-01")
    for fired in (0, 1):
        unheard = order("delivered", points=upto("E"), watch=Watch("crew", at(60), fired))
        assert mind.intents(stack(unheard), None, at(400)) == []
    [intent] = mind.intents(
        stack(order("delivered", points=upto("E"), watch=Watch("crew", at(60), 2))), None, at(400)
    )
    assert intent.step == "acknowledge"
    assert intent.due > at(60 + 5 * 60)


def test_a_rejection_gives_a_reason() -> None:
    [intent] = Mind(people(crew_rejects=1.0), "crew-01").intents(
        stack(order("delivered", points=upto("E"))), None, at(100)
    )
    assert intent.step == "reject"
    assert intent.reason in people().behaviour.reject_reasons


def test_orders_are_worked_one_after_the_other() -> None:
    first = order("on_scene", points=upto("H"))
    second = order("acknowledged", id="W2", points=upto("F"))
    third = order("delivered", id="W3", points=upto("E"))
    mind = Mind(people(), "crew-01")
    steps = {(i.order.id, i.step) for i in mind.intents(stack(first, second, third), None, at(1000))}
    assert steps == {("W1", "restore"), ("W3", "acknowledge")}
    done = order("restored", points=upto("H"))
    intents = mind.intents(stack(second, third, to_record=(done,)), None, at(2000))
    assert {(i.order.id, i.step) for i in intents} == {
        ("W2", "depart"),
        ("W3", "acknowledge"),
        ("W1", "record"),
    }
    assert next(i.due for i in intents if i.step == "depart") > at(2000)  # its turn began just now


def test_what_has_begun_comes_before_what_was_accepted_first() -> None:
    assert in_work(stack(order("acknowledged"), order("en_route", id="W2"))).id == "W2"  # type: ignore[union-attr]
    assert in_work(stack(order("delivered"))) is None


def test_keys_differ_with_each_dispatch() -> None:
    mind = Mind(people(), "crew-01")
    keys = {
        mind.intents(stack(order("delivered", points=upto("E"), generation=g)), None, T0)[0].key
        for g in (1, 2, 3)
    }
    assert len(keys) == 3


def test_meals_are_seeded_and_end() -> None:
    mind = Mind(people(crew_away=1.0), "crew-01")
    assert mind.meal(T0) == mind.meal(at(1800)) != mind.meal(at(3600))
    when, minutes = mind.meal(T0) or (T0, 0)
    assert T0 <= when < at(3600)
    assert 20 <= minutes <= 45
    assert mind.back(at(3600)) >= at(3500)
    assert Mind(people(), "crew-01").meal(T0) is None


def desks() -> Desks:
    return Desks(people(), load_scenario("evening").shares)


def desk(**piles: list[Order]) -> Desk:
    empty: dict[str, list[Order]] = {"to_send": [], "unroutable": [], "call_backs": [], "to_close": []}
    return Desk(**{**empty, **piles}, contacts=[])


def test_the_hotline_works_every_pile() -> None:
    for pile, deed in (("to_send", "send"), ("unroutable", "route"), ("to_close", "close")):
        [duty] = desks().of_hotline(desk(**{pile: [order("received")]}), T0)
        assert duty.deed == deed
        assert duty.due > T0


def test_the_customer_is_called_back_after_the_record() -> None:
    assert desks().of_hotline(desk(call_backs=[order("restored")]), T0) == []
    [duty] = desks().of_hotline(desk(call_backs=[order("recorded", recorded=True)]), T0)
    assert duty.deed == "call_back"


def test_what_was_noticed_stays_due_at_the_same_time() -> None:
    hotline = desks()
    seen = desk(to_close=[order("recorded", recorded=True)])
    assert hotline.of_hotline(seen, T0) == hotline.of_hotline(seen, at(30))


def test_a_dispatcher_dispatches_by_hand_only_where_the_policy_says_so() -> None:
    waiting = order("at_centre", centre_id="north", watch=Watch("centre", T0, 0))
    [duty] = desks().of_centre(Board("manual", [waiting], []), T0)
    assert duty.deed == "dispatch"
    assert all(d.deed == "accept" for d in desks().of_centre(Board("risk", [waiting], []), T0))


def test_most_alerts_are_seen_after_a_while() -> None:
    alerts = [Alert(n, "rung", "W1", T0) for n in range(200)]
    duties = desks().of_centre(Board("risk", [], alerts), T0)
    assert 150 < len(duties) < 190
    assert all(duty.due > T0 for duty in duties)


def test_a_crew_that_a_person_plays_decides_nothing() -> None:
    from simulators.actors.crew import CrewActor

    actor = CrewActor.__new__(CrewActor)
    actor._played = True
    assert actor._intents(stack(order("delivered"), to_record=(order("restored"),))) == []
