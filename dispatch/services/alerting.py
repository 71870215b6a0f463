"""Alerts outside the pages: who is told, by which channels, and that what was overtaken is not told any more.

An `alert` row of the outbox becomes a `message` row for each channel of each recipient, so that a service that fails
neither holds the others up nor makes them repeat. All that is due for a channel goes in one letter (escalations in
one of their own), a channel is written to at most every APART, and each alert and its order are read again before it.
A worker that dies between sending and settling sends again after the lease: at least once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.core.alerting import (
    Channel,
    Told,
    answered,
    later_rungs,
    overtaken,
    quiet_until,
    severity,
    wants,
)
from dispatch.core.chains import CHANNELS
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.outgoing import Outgoing
from dispatch.services.alert_text import Letter, News, Words
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Loaded, OutboxRow, Settled
from dispatch.services.retries import PATIENCE, failed
from dispatch.services.ways_out import Alerts

log = logging.getLogger(__name__)
APART = 10.0
"""Real seconds between two letters to one channel: a storm is told in a few letters, not in thousands."""
HELD_UP = 1.0
"""Real seconds for which the others wait for a service that does not answer; it goes on beside them."""
PORTION = 200
"""Rows that one transaction reads or settles: SQLite has one writer, for whom clocks and calls wait."""
SENT = "sent: "
"""How the outcome of a message begins that its service took."""
REMOVED = "the channel was removed"
"""The outcome of what waited for a channel that is no more."""
NOT_DELIVERED = "not delivered: "
"""How the outcome of a test begins that reached nobody."""
_under_way: set[asyncio.Task[None]] = set()
"""Letters that outlast their pass; a task that nobody holds is lost."""


async def plan(context: Context, rows: Sequence[OutboxRow]) -> None:
    """A message row for each channel that wants one of these alerts; the alerts' own rows are done with it."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        told = loaded.alerts([row.key for row in rows])
        waiting = loaded.waiting([row.id for row in rows])  # of the others another worker was quicker
        outgoing: list[Outgoing] = []
        settled: list[Settled] = []
        for row in (row for row in rows if row.id in waiting):
            outside = "message" in row.data.get("channels", CHANNELS)
            alert = told.get(row.key) if outside else None
            chosen = [c for c in loaded.channels() if wants(c, alert)] if alert is not None else []
            outgoing += [_message(context, row, alert, c, now) for c in chosen if alert is not None]
            outcome = f"in the pages and by {len(chosen)} channel(s)" if chosen else "in the pages"
            settled.append(Settled(row.id, "done", outcome))
        return Changes(None, outgoing=tuple(outgoing), settled=tuple(settled))

    await context.store.transact(decide)


def _message(context: Context, row: OutboxRow, told: Told, channel: Channel, now: datetime) -> Outgoing:
    quiet = None if severity(told.code) == "escalation" else quiet_until(channel, now, context.zone)
    return Outgoing(
        f"message/{row.key}/{channel.id}", "message", str(channel.id), quiet or now, row.order_id, row.centre_id,
        {"alert": row.key},
    )  # fmt: skip


def trial(channel_id: int, by: str, key: str, now: datetime) -> Outgoing:
    """A test of a channel: once, with no second try."""
    return Outgoing(f"message/test/{key}", "message", str(channel_id), now, data={"test": by})


@dataclass(frozen=True, slots=True)
class _Post:
    """A letter that may be sent, and the rows that it answers."""

    channel: Channel
    letter: Letter
    rows: tuple[OutboxRow, ...]


@dataclass(frozen=True, slots=True)
class _Due:
    """A message that still has to be said; a test and a ready letter have no news. `later`: messages that make it needless once sent."""

    row: OutboxRow
    channel: Channel
    news: News | None = None
    later: tuple[str, ...] = ()


async def send(context: Context, alerts: Alerts, rows: Sequence[OutboxRow]) -> None:
    """Send what these message rows still have to say. One that hangs is left behind after HELD_UP."""
    due: list[_Due] = []
    for start in range(0, len(rows), PORTION):
        portion = rows[start : start + PORTION]
        found, over = await context.store.transact(
            lambda loaded, now, portion=portion: Changes(_look(context, loaded, now, portion))  # type: ignore[misc]
        )
        await _settle(context, over)
        due += found
    if not due:
        return
    posts, too_soon = await context.store.transact(lambda loaded, now: _in_turn(context, loaded, now, due))
    await _settle(context, too_soon)
    tasks = [asyncio.create_task(_post(context, alerts, post)) for post in posts]
    if not tasks:
        return
    _, hanging = await asyncio.wait(tasks, timeout=HELD_UP)
    for task in hanging:
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)


async def _settle(context: Context, settled: Sequence[Settled]) -> None:
    for start in range(0, len(settled), PORTION):
        await context.store.settle(settled[start : start + PORTION], context.clock.now())


def _look(
    context: Context, loaded: Loaded, now: datetime, rows: Sequence[OutboxRow]
) -> tuple[list[_Due], list[Settled]]:
    """What still has to be said, and what is overtaken."""
    channels = {str(c.id): c for c in loaded.channels()}
    told = loaded.alerts([str(row.data["alert"]) for row in rows if "alert" in row.data])
    loaded.fetch([one.order_id for one in told.values() if one.order_id and not answered(one)])
    due: list[_Due] = []
    over: list[Settled] = []
    for row in rows:
        if (channel := channels.get(row.target)) is None:
            over.append(Settled(row.id, "done", REMOVED))
        elif "test" in row.data or "letter" in row.data:
            due.append(_Due(row, channel))
        elif isinstance(found := _news(context, loaded, now, row, channel, told), str):
            over.append(Settled(row.id, "done", found))
        else:
            due.append(found)
    sent = loaded.sent([key for one in due for key in one.later])
    late = [one for one in due if sent.intersection(one.later)]
    over += [Settled(one.row.id, "done", "a later rung was told meanwhile") for one in late]
    return [one for one in due if not sent.intersection(one.later)], over


def _news(
    context: Context,
    loaded: Loaded,
    now: datetime,
    row: OutboxRow,
    channel: Channel,
    those: Mapping[str, Told],
) -> _Due | str:
    """What a message still has to say, or why nothing. Of an order that cannot be read nobody knows whether it is
    overtaken: it is told without it."""
    told = those.get(str(row.data["alert"]))
    if told is None:
        return "there is no such alert any more"
    if over := answered(told):
        return over
    if not told.order_id:
        return _Due(row, channel, News(told))
    try:
        order = loaded.order(told.order_id)
        process = context.processes.of(order)
        why = overtaken(order, process, told)
        later = tuple(f"message/{key}/{channel.id}" for key in later_rungs(order, told))
    except Exception as error:
        log.error("order %s cannot be read, its alert is told without it: %r", told.order_id, error)
        return _Due(row, channel, News(told))
    return why or _Due(row, channel, News(told, order, process), later)


def _in_turn(
    context: Context, loaded: Loaded, now: datetime, due: Sequence[_Due]
) -> Changes[tuple[list[_Post], list[Settled]]]:
    """What comes too soon after the last letter to its channel waits."""
    posts: list[_Post] = []
    too_soon: list[Settled] = []
    fresh: dict[str, list[_Due]] = defaultdict(list)
    for one in due:
        if one.news is None:
            if "letter" in one.row.data:  # of a saved view; its words are those of the moment it was due
                letter = Letter(**one.row.data["letter"])
            else:
                letter = Words(context, one.channel.language, now).trial(str(one.row.data["test"]))
            posts.append(_Post(one.channel, letter, (one.row,)))
        else:
            fresh[f"channel {one.row.target}"].append(one)
    dialled: dict[str, str] = {}
    for number, found in sorted(fresh.items()):
        last = loaded.last_dial(number)
        again = any(one.row.tries for one in found)  # what failed has its own, growing pause
        if not again and last is not None and last.at <= now < (soon := last.at + context.real(APART)):
            too_soon += [Settled(one.row.id, "pending", "not so soon", soon, untried=True) for one in found]
            continue
        dialled[number] = ""
        posts += _letters(context, found[0].channel, found, now)
    return Changes((posts, too_soon), dialled=dialled)


def _letters(context: Context, channel: Channel, found: Sequence[_Due], now: datetime) -> list[_Post]:
    """Escalations in one letter, the newest of an order for all of it; everything else in another."""
    posts = []
    for urgent in (True, False):
        mine = [
            (one.row, one.news)
            for one in found
            if one.news and (severity(one.news.told.code) == "escalation") is urgent
        ]
        if not mine:
            continue
        newest = {(n.told.order_id, n.told.code) if urgent else (n.told.key, ""): n for _, n in mine}
        letter = _worded(Words(context, channel.language, now), list(newest.values()))
        posts.append(_Post(channel, letter, tuple(row for row, _ in mine)))
    return posts


def _worded(words: Words, news: Sequence[News]) -> Letter:
    """One that cannot be put in words must not silence the others: they are all told in fewer."""
    try:
        return words.letter(news)
    except Exception:
        log.exception("a letter is told without its orders")
        return words.letter([News(one.told) for one in news])


async def _post(context: Context, alerts: Alerts, post: _Post) -> None:
    """Never raises: what goes wrong is the rows' outcome."""
    try:
        async with asyncio.timeout(PATIENCE):
            said = await alerts.send(post.channel.url, post.letter.title, post.letter.body)
    except (DispatchError, TimeoutError) as error:
        settled = _not_sent(context, post, error)
        log.warning("channel %d: %d alert(s) not delivered: %r", post.channel.id, len(post.rows), error)
    except Exception as error:
        settled = _not_sent(context, post, error)
        log.exception("channel %d: %d alert(s) not delivered", post.channel.id, len(post.rows))
    else:
        settled = [Settled(row.id, "done", f"{SENT}{said}") for row in post.rows]
    try:
        await _settle(context, settled)
    except DispatchError as error:  # the lease ends, and it is sent again
        log.warning("channel %d: the outcome of a letter is not kept: %s", post.channel.id, error)


def _not_sent(context: Context, post: _Post, error: Exception) -> list[Settled]:
    """A letter's rows are tried again together; a test is not."""
    why = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))
    if "test" in post.rows[0].data:
        return [Settled(post.rows[0].id, "done", f"{NOT_DELIVERED}{why}")]
    settled = [failed(context, row, Unavailable(f"{post.channel.name}: {why}")) for row in post.rows]
    together = max((s.due for s in settled if s.due is not None), default=None)
    return [replace(s, due=together) if s.due else s for s in settled]
