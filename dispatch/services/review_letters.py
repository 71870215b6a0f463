"""Figures of saved views by e-mail (or any other channel of the alerts): a few lines and a link, no orders.

Who may read them is decided where it always is: the link leads to the sign-in. Letters go through the outbox, with
its tries, and each is due once, whatever worker dies when.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol
from urllib.parse import urlencode

from dispatch.core.alerting import Channel
from dispatch.core.errors import BadInput
from dispatch.core.outgoing import Outgoing
from dispatch.core.saved_view import SavedView, due, turn_of
from dispatch.core.selection import FILTERS
from dispatch.services.alert_text import Letter
from dispatch.services.context import Context
from dispatch.services.review import Histories, Period, Review, review
from dispatch.services.shortage import Shortages
from dispatch.services.words import word

log = logging.getLogger(__name__)
MINUTE = 60


class SavedViews(Protocol):
    """The views that people keep."""

    async def of(self, username: str) -> list[SavedView]:
        """Somebody's views by name."""
        ...

    async def save(self, view: SavedView) -> SavedView:
        """Keep a view; one of the same person and name is replaced, and its letter stays due while `every` is the same.

        Raises Conflict where there are too many.
        """
        ...

    async def remove(self, username: str, view_id: int) -> None:
        """Raises NotFound where this person has no such view."""
        ...

    async def scheduled(self) -> list[SavedView]:
        """The views that are sent, of everybody who may see the desk now."""
        ...

    async def channels(self) -> Sequence[Channel]:
        """The channels that a letter can go to."""
        ...

    async def send(self, view: SavedView, sent_for: str, letters: Sequence[Outgoing], now: datetime) -> bool:
        """Put the letters on their way, once: with the note that they were, or not at all; whether they were."""
        ...


async def send_due(
    context: Context,
    views: SavedViews,
    histories: Histories,
    shortages: Shortages,
    unsent: set[tuple[int, str]],
) -> int:
    """Put on their way what is due; how many letters. What was not measured up to its end yet waits.

    A letter without anybody to go to waits too: it is logged once (`unsent` is what this process has said), and its
    view says so.
    """
    now = context.clock.now()
    waiting = [(view, days) for view in await views.scheduled() if (days := due(view, now, context.zone))]
    if not waiting:
        return 0
    channels = {one.id: one for one in await views.channels()}
    sent = 0
    for view, (first, last) in waiting:
        mine = [channels[number] for number in view.channels if number in channels]
        if not mine:
            if (view.id, turn_of(last)) not in unsent:
                log.warning(
                    "view %d of %s is sent to nobody: its recipients are gone", view.id, view.username
                )
            unsent.add((view.id, turn_of(last)))
            continue
        period = Period(first, last, {n: v for n, v in view.query.items() if n in FILTERS and n != "day"})
        try:
            found = await review(context, histories, shortages, period)
        except BadInput as error:
            log.warning("view %d of %s cannot be sent: %s", view.id, view.username, error)
            continue
        if found.as_of is None or found.as_of.astimezone(context.zone).date() <= last:
            continue
        letters = tuple(_outgoing(context, view, found, channel, now) for channel in mine)
        if await views.send(view, turn_of(last), letters, now):
            sent += len(letters)
    return sent


def _outgoing(context: Context, view: SavedView, found: Review, channel: Channel, now: datetime) -> Outgoing:
    letter = worded(context, view, found, channel.language or context.language)
    key = f"message/review/{view.id}/{turn_of(found.period.last)}/{channel.id}"
    data = {"letter": {"title": letter.title, "body": letter.body}}
    return Outgoing(key, "message", str(channel.id), now, data=data)


def worded(context: Context, view: SavedView, found: Review, language: str) -> Letter:
    """The letter in a language."""
    zh = language.startswith("zh")
    figures, past, period = found.figures, found.figures.previous, found.period
    days = _days(period.first, period.last)
    share = _percent(figures.within_pct)
    lines = [
        f"按时到达:{share}(可判定 {figures.judged} 单中的 {figures.within} 单;共 {figures.orders} 单)"
        if zh
        else f"In time: {share} ({figures.within} of {figures.judged} orders that can be judged; {figures.orders} in all)"
    ]
    if past is not None:
        before = _percent(past.within_pct)
        lines.append(
            f"上一周期:{before}({past.judged} 单)" if zh else f"The period before: {before} of {past.judged}"
        )
    total = figures.total
    median = " / ".join(_minutes(value) for value in (total.p50, total.p90, total.p95))
    lines.append(
        f"报修到到达 p50 / p90 / p95(分钟):{median}(n = {total.n})"
        if zh
        else f"Call to arrival, minutes, p50 / p90 / p95: {median} (n = {total.n})"
    )
    for one in figures.late_by_owner:
        owner = word("owners", one.owner, language)
        minutes = _minutes(one.seconds)
        lines.append(
            f"{owner}:环节超限 {minutes} 分钟,{one.orders} 单"
            if zh
            else f"{owner}: {minutes} minutes over segment limits, {one.orders} orders"
        )
    if context.public_url:
        query = urlencode({"from": period.first, "to": period.last, **period.wanted})
        lines.append(f"{context.public_url}/manager?{query}")
    name = " ".join(view.name.split())
    title = f"{name},{days}:按时 {share}" if zh else f"{name}, {days}: {share} in time"
    return Letter(title, "\n".join(lines))


def _days(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first} – {last}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value} %"


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / MINUTE:.1f}"
