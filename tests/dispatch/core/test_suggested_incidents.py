"""Which open orders may be of one fault."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatch.core.errors import GuardRefused
from dispatch.core.incident import choose_lead, suggest
from dispatch.core.types import Point
from dispatch.core.work_order import WorkOrder
from tests.dispatch.core.orders import PROCESS, A, order

TERRITORY = dict.fromkeys(("W1", "near", "far", "old", "named"), "east-land")


def _order(name: str, dlat: float = 0.0, minutes: float = 0.0, **facts: str) -> WorkOrder:
    found = order(name)
    at = A + timedelta(minutes=minutes)
    told = replace(found.facts, place=Point(30.05 + dlat, 120.05), reported_at=at, **facts)
    return replace(found, facts=told, history=(replace(found.history[0], at=at),))


def test_near_or_of_one_transformer_within_two_hours() -> None:
    mine = _order("W1", description="dark behind transformer T-17")
    others = [
        mine, _order("near", 0.003, 20), _order("far", 0.03), _order("old", 0.001, -150),
        _order("named", 0.05, 30, address="5 Lane (Transformer t-17)"),
        replace(_order("elsewhere", 0.001), centre_id="south"),
    ]  # fmt: skip
    found = suggest(mine, others, TERRITORY)
    assert [(one.order_id, one.why) for one in found] == [
        ("named", ("same_equipment", "same_territory")), ("near", ("near", "same_territory")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"), [("3号变压器停电", "变压器 3 冒烟"), ("Feeder No. 12b", "feeder 12B down")]
)
def test_equipment_is_known_by_its_number_in_either_language(one: str, other: str) -> None:
    assert suggest(_order("W1", description=one), [_order("x", 0.1, description=other)], {})
    assert not suggest(_order("W1", description=one), [_order("x", 0.1, description="transformer 99")], {})


def test_of_an_incident_the_likeliest_order_stands_for_all() -> None:
    others = [
        replace(_order(name, dlat), incident_id="a")
        for name, dlat in (("a", 0.004), ("b", 0.002), ("c", 0.003))
    ]
    assert [one.order_id for one in suggest(_order("W1"), others, {})] == ["b"]


def test_who_leads() -> None:
    early, late = _order("z-early"), _order("a-late", minutes=5)
    processes = {PROCESS.id: PROCESS}
    assert choose_lead([late, early], processes) is early
    moving = replace(late, crew_id="E1")
    assert choose_lead([moving, early], processes) is moving
    with pytest.raises(GuardRefused, match="both with a crew"):
        choose_lead([moving, replace(early, crew_id="E2")], processes)
