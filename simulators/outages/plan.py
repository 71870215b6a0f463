"""From a file and a date to the plan of a replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, tzinfo
from pathlib import Path
from statistics import median

from dispatch.adapters.roads.speeds import load_speeds
from dispatch.core.errors import BadInput
from simulators.outages.day import Plan
from simulators.outages.edge import load_transport
from simulators.outages.rows import Outage, OutageFile
from simulators.outages.utility import shared_out
from simulators.people import People

LONGEST_REPAIR_S = 24 * 3600.0
"""What took longer was left open by somebody, not repaired all the time."""


def plan_of(
    file: OutageFile, day: date, *, crews: int, policy: str, people: People, roads: Path,
    zone: tzinfo | None, speeds: Path | None,
) -> Plan:  # fmt: skip
    """The plan of one local date. Raises BadInput where the file has no such day."""
    first, last = file.days()
    if not first <= day <= last:
        raise BadInput(f"{file.name} has no outage on {day}: its dates go from {first} to {last}")
    outages = file.unplanned(day)
    zone = zone or _zone_of(outages or file.outages)
    usual = _usual(file.unplanned(), people)
    known = {o.id: s for o in outages if (s := repair_seconds(o)) is not None}
    of_day = median(known.values()) if known else usual
    return Plan(
        day=day, zone=zone, outages=outages, repairs={o.id: known.get(o.id, of_day) for o in outages},
        repairs_guessed=len(outages) - len(known), usual_repair_s=usual,
        trades=shared_out(crews, file.unplanned()), roads=roads,
        speeds=replace(load_speeds("UTC", speeds), zone=zone), people=people, transport=load_transport(),
        policy=policy,
    )  # fmt: skip


def repair_seconds(outage: Outage) -> float | None:
    """From on-site to cleared; None where the file does not say, or says what cannot be."""
    if outage.onsite is None or outage.cleared is None:
        return None
    seconds = (outage.cleared - outage.onsite).total_seconds()
    return seconds if 0 < seconds <= LONGEST_REPAIR_S else None


def _usual(outages: list[Outage], people: People) -> float:
    """The file's median repair: what this utility's dispatch would expect."""
    known = [seconds for o in outages if (seconds := repair_seconds(o)) is not None]
    return round(median(known), 1) if known else people.behaviour.delays["repair"].median


def _zone_of(outages: list[Outage]) -> tzinfo:
    """The offset of the local times; of the first one, where the clocks change on that day."""
    found = outages[0].local.tzinfo
    assert found is not None
    return found
