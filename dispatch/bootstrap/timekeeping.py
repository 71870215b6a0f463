"""The installation's time as its processes share it: a mark in the database, and the database's own clock.

Every worker writes the mark with its heartbeat; every process listens to both, and goes on from the mark when it
starts (`dispatch.tracker.resume` says how).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection, text

from dispatch.adapters.sql.organisation import fact, set_fact
from dispatch.bootstrap.database import AnyStore, at_once
from dispatch.bootstrap.epochs import EPOCH
from dispatch.clock import DATABASE_TIME, InstallationClock
from dispatch.core.errors import BadInput
from dispatch.settings import Settings
from dispatch.tracker import Mark

log = logging.getLogger(__name__)
TIME = "time"
CONFIRMED = "clock_confirmed"
LISTEN = 2.0
"""Real seconds between two looks at the database's clock."""


@dataclass(frozen=True)
class Heard:
    """What the database says about time."""

    database: float | None
    """Its clock, in seconds since 1970, where it leads (PostgreSQL)."""
    mark: str
    confirmed: str
    epoch: str


def ask(connection: Connection) -> Heard:
    """Everything that time is led by."""
    database = None
    if connection.dialect.name == "postgresql":
        database = connection.execute(text(DATABASE_TIME)).scalar_one().timestamp()
    return Heard(database, fact(connection, TIME), fact(connection, CONFIRMED), fact(connection, EPOCH))


def open_clock(settings: Settings) -> InstallationClock:
    """The installation's real time for a process that starts. Blocking. Raises Unavailable, BadInput."""
    heard = at_once(settings, ask)
    try:
        return InstallationClock(Mark.of(heard.mark), heard.database)
    except ValueError:
        raise BadInput(f"the mark of time in the database is none: {heard.mark[:80]!r}") from None


def mark_start(settings: Settings) -> InstallationClock:
    """The same, kept in the database at once, so that every process of this start goes on from there."""
    clock = open_clock(settings)
    at_once(settings, lambda c: set_fact(c, TIME, str(clock.mark())))
    return clock


async def listen(store: AnyStore, clock: InstallationClock) -> Heard:
    """Let the clock hear what the database says, and say which clocks were stepped. Raises Unavailable."""
    since = clock.boot()
    heard = await store.read(ask)
    for step in clock.heard(heard.database, since, heard.mark, heard.confirmed):
        log.warning(
            "the %s's clock was stepped by %+.1f s: time goes on and is slewed", step.clock, step.seconds
        )
    return heard
