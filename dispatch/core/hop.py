"""The last hop of an order, from us to a terminal: whether there was a line, and whose minutes it took.

A device that logs out says itself that it is off; one whose connection breaks or falls silent, or whose gateway is gone,
has no line. While it is on the line the minutes are our queue's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Hop = Literal["up", "line_down", "device_off", "unknown"]
_STANDING: Mapping[str, Hop] = {"online": "up", "offline": "line_down", "off": "device_off"}
_OWNERS = {"up": "our_queue", "online": "our_queue", "device_off": "device"}
"""Of a hop's minutes, by what is known of its link; otherwise the network's. (`online` stands in old histories.)"""


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """How a device's line stands: `online`, `offline`, or `off` (it logged out), since when, and how it was before."""

    state: str
    since: datetime
    before: str = "unknown"


def learn(links: MutableMapping[str, LinkSeen], found: Iterable[tuple[str, str, datetime]]) -> None:
    """Take in what is newer: device, state, since when."""
    for device, state, since in found:
        known = links.get(device)
        if known is None or (since >= known.since and state != known.state):
            links[device] = LinkSeen(state, since, known.state if known else "unknown")
        elif since > known.since and state == "online":  # another connection: between the two there was none
            links[device] = LinkSeen(state, since, "offline")


def standing(seen: LinkSeen | None) -> Hop:
    """How the hop stands now."""
    return _STANDING.get(seen.state, "unknown") if seen else "unknown"


def crossed(at_dispatch: str, seen: LinkSeen | None, sent_at: datetime) -> Hop:
    """How it was while an order that has just arrived was on its way. `at_dispatch`: what was stored then."""
    if at_dispatch == "line_down":
        return "line_down"
    if at_dispatch == "device_off":
        return "device_off"
    if seen is None or seen.state != "online" or seen.since <= sent_at:
        return standing(seen)
    return "device_off" if seen.before == "off" else "line_down"


def best(links: Iterable[str]) -> str:
    """Of a vehicle with several terminals: the order could have arrived on the best one."""
    found = set(links)
    return next((one for one in ("up", "line_down", "device_off") if one in found), "unknown")


def hop_owner(owner: str, link: str) -> str:
    """Whose the minutes of a segment are, where its owner is the network. `link` may say more after a comma."""
    return _OWNERS.get(link.partition(",")[0], owner) if owner == "network" else owner
