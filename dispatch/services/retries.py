"""When an effect that failed is tried again, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from zlib import crc32

from dispatch.core.outgoing import Outgoing, alert
from dispatch.services.context import Context
from dispatch.services.ports import OutboxRow, Settled

TRIES = 12
"""After so many failures a row is dead, and people are told (`given_up`); centre and device rows never die."""
LEASE = 30.0
"""Real seconds for which a worker keeps a row: when it dies, another one takes it then."""
PATIENCE = 10.0
"""Real seconds after which an effect that has not ended has failed: less than a lease, and nothing waits for ever."""
LONGEST_PAUSE = 75.0
"""Real seconds between two tries, at most."""
UNDYING = {"centre", "desired"}


def failed(context: Context, row: OutboxRow, error: BaseException) -> Settled:
    """Again after a growing pause (real 1, 2, 4 ... 60 s, and up to a quarter more, so that what failed together
    does not come back together; the same for the same row and try), or dead."""
    said = str(error) or repr(error)
    if row.tries + 1 >= TRIES and row.kind not in UNDYING:
        return Settled(row.id, "dead", said)
    return Settled(row.id, "pending", said, due=context.clock.now() + pause(context, row.key, row.tries))


def pause(context: Context, key: str, tries: int) -> timedelta:
    """After so many tries of what `key` names."""
    spread = 1.0 + crc32(f"{key} {tries}".encode()) / 2**34
    return context.real(min(60.0, 2.0 ** min(tries, 6)) * spread)


def given_up(kind: str, target: str, centre_id: str, why: str, now: datetime) -> Outgoing:
    """Tell the managers in their pages, once a day, that effects of this kind (messages: of this channel; calls: to
    this party of this centre) do not get through."""
    about = {"message": f"/{target}", "phone": f"/{target}/{centre_id}"}.get(kind, "")
    return alert(
        key=f"undelivered/{kind}{about}/{now:%Y-%m-%d}", role="manager", code="undelivered", due=now,
        centre_id=centre_id if kind == "phone" else "", kind=kind, text=why[:200],
    )  # fmt: skip
