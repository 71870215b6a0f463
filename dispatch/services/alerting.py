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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatch.core.alerting import Channel, Told, later_rungs, overtaken, quiet_until, severity, wants
from dispatch.core.chains import CHANNELS
from dispatch.core.errors import DispatchError, Unavailable
from dispatch.core.outgoing import Outgoing
from dispatch.services.alert_text import Letter, News, Words
from dispatch.services.context import Context
from dispatch.services.ports import Alerts, Changes, Loaded, OutboxRow, Settled
from dispatch.services.retries import PATIENCE, failed

log = logging.getLogger(__name__)
APART = 10.0
"""Real seconds between two letters to one channel: a storm is told in a few letters, not in thousands."""
HELD_UP = 1.0
"""Real seconds for which the others wait for a service that does not answer; it goes on beside them."""
SENT = "sent: "
"""How the outcome of a message begins that its service took."""
NOT_DELIVERED = "not delivered: "
"""How the outcome of a test begins that reached nobody."""
_under_way: set[asyncio.Task[None]] = set()
"""Letters that outlast their pass; a task that nobody holds is lost."""


async def plan(context: Context, row: OutboxRow) -> None:
    """A message row for each channel that wants this alert; the alert's own row is done with it."""

    def decide(loaded: Loaded, now: datetime) -> Changes[None]:
        told = loaded.alert(row.key)
        if not loaded.is_waiting(row.id):
            return Changes(None)  # another worker was quicker
        outside = "message" in row.data.get("channels", CHANNELS)
        chosen = [c for c in loaded.channels() if outside and told is not None and wants(c, told)]
        outgoing = tuple(_message(context, row, told, c, now) for c in chosen if told is not None)
        outcome = f"in the pages and by {len(chosen)} channel(s)" if chosen else "in the pages"
        return Changes(None, outgoing=outgoing, settled=(Settled(row.id, "done", outcome),))

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


async def send(context: Context, alerts: Alerts, rows: Sequence[OutboxRow]) -> None:
    """Send what these message rows still have to say. One that hangs is left behind after HELD_UP."""
    if not rows:
        return
    posts = await context.store.transact(lambda loaded, now: _prepare(context, loaded, now, rows))
    tasks = [asyncio.create_task(_post(context, alerts, post)) for post in posts]
    if not tasks:
        return
    _, hanging = await asyncio.wait(tasks, timeout=HELD_UP)
    for task in hanging:
        _under_way.add(task)
        task.add_done_callback(_under_way.discard)


def _prepare(
    context: Context, loaded: Loaded, now: datetime, rows: Sequence[OutboxRow]
) -> Changes[list[_Post]]:
    """What is overtaken is settled here; what comes too soon after the last letter waits."""
    channels = {str(c.id): c for c in loaded.channels()}
    settled: list[Settled] = []
    fresh: dict[str, list[tuple[OutboxRow, News]]] = defaultdict(list)
    posts: list[_Post] = []
    for row in rows:
        channel = channels.get(row.target)
        if channel is None:
            settled.append(Settled(row.id, "done", "the channel was removed"))
        elif "test" in row.data:
            letter = Words(context, channel.language, now).trial(str(row.data["test"]))
            posts.append(_Post(channel, letter, (row,)))
        else:
            news, why = _news(context, loaded, now, row, channel)
            if news is None:
                settled.append(Settled(row.id, "done", why))
            else:
                fresh[row.target].append((row, news))
    dialled: dict[str, str] = {}
    for target, found in sorted(fresh.items()):
        number = f"channel {target}"
        last = loaded.last_dial(number)
        again = any(row.tries for row, _ in found)  # what failed has its own, growing pause
        if not again and last is not None and last.at <= now < (soon := last.at + context.real(APART)):
            settled += [Settled(row.id, "pending", "not so soon", due=soon, untried=True) for row, _ in found]
            continue
        dialled[number] = ""
        posts += _letters(context, channels[target], found, now)
    return Changes(posts, settled=tuple(settled), dialled=dialled)


def _news(
    context: Context, loaded: Loaded, now: datetime, row: OutboxRow, channel: Channel
) -> tuple[News | None, str]:
    """What a message still has to say, or why nothing."""
    told = loaded.alert(str(row.data["alert"]))
    if told is None:
        return None, "there is no such alert any more"
    if told.acknowledged_by:
        return None, f"acknowledged in the pages by {told.acknowledged_by}"
    if not told.order_id:
        return News(told), ""
    order = loaded.order(told.order_id)
    process = context.processes.of(order)
    why = overtaken(order, process, told, now)
    if not why and loaded.is_sent([f"message/{key}/{channel.id}" for key in later_rungs(order, told)]):
        why = "a later rung was told meanwhile"
    return (None, why) if why else (News(told, order, process), "")


def _letters(
    context: Context, channel: Channel, found: Sequence[tuple[OutboxRow, News]], now: datetime
) -> list[_Post]:
    """Escalations in one letter, the newest of an order for all of it; everything else in another."""
    words = Words(context, channel.language, now)
    posts = []
    for urgent in (True, False):
        mine = [(row, n) for row, n in found if (severity(n.told.code) == "escalation") is urgent]
        if not mine:
            continue
        newest = {(n.told.order_id, n.told.code) if urgent else (n.told.key, ""): n for _, n in mine}
        posts.append(_Post(channel, words.letter(list(newest.values())), tuple(row for row, _ in mine)))
    return posts


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
        await context.store.settle(settled, context.clock.now())
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
