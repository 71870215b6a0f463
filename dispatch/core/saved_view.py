"""A filter of the manager's desk that somebody has named, and when its figures are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

Every = Literal["", "day", "week"]
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SavedView:
    """`query`: names and values as in the page's address. `every`: how often it is sent, after `hour` of the local
    day, to these alert channels; a week's figures on Mondays. `sent_for`: the day (ISO) of the last letter."""

    id: int
    username: str
    name: str
    query: Mapping[str, str]
    every: Every = ""
    hour: int = 7
    channels: tuple[int, ...] = field(default=())
    sent_for: str = ""


def due(view: SavedView, now: datetime, zone: tzinfo) -> tuple[date, date] | None:
    """The local days that a letter is due about now: yesterday, or last week's Monday to Sunday; None: no letter.

    One that was missed because nothing ran is sent later the same day (of a weekly one: in the same week), not twice.
    """
    if not view.every:
        return None
    local = now.astimezone(zone)
    turn = local.date() if view.every == "day" else local.date() - local.weekday() * DAY
    if view.sent_for >= turn.isoformat() or (local.date() == turn and local.hour < view.hour):
        return None
    return turn - (DAY if view.every == "day" else 7 * DAY), turn - DAY


def turn_of(last: date) -> str:
    """The day on which the letter about days up to `last` is due, as `sent_for` keeps it."""
    return (last + DAY).isoformat()
