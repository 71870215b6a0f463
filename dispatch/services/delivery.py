"""The outbox worker: effects follow decisions, at least once, re-reading the order before each.

A leased row comes back by itself when the worker dies. Nothing is replayed from the row alone: a call is placed
only while its order is still unanswered, and what is written to a device is what should be there now.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from dispatch.core.errors import DispatchError, Unavailable
from dispatch.messages import Desired, DesiredOrder
from dispatch.services import alerting, hanging_up, ringing
from dispatch.services.context import Context
from dispatch.services.ports import Changes, Crew, Device, Loaded, OutboxRow, Settled
from dispatch.services.retries import LEASE, PATIENCE, failed
from dispatch.services.ways_out import Ports

log = logging.getLogger(__name__)
BATCH = 200
AT_ONCE = 8
"""Effects of a lane that are under way at the same time. All lanes share the connections to the database: a call must
not wait behind two hundred devices' states, nor lose its patience in a queue of our own."""
LETTERS = 2_000
"""Message rows at once: all that is due for a channel goes in one letter."""
CALLS, CUTS, ORDERS, ALERTS, MESSAGES = ("phone",), ("cut",), ("centre", "desired"), ("alert",), ("message",)
"""Kinds, in lanes that do not wait for one another: a mail server that hangs keeps no telephone from ringing and no
order from its way, and a call that is needless is cut while others are still being placed."""
SEND_AGAIN = 15.0
"""Real seconds after which an order that was handed over and has not arrived is handed over again."""


async def deliver_due(context: Context, ports: Ports, kinds: Sequence[str] = ()) -> int:
    """Carry out everything of these kinds (none named: all) that is due, once; the number of rows taken."""
    now = context.clock.now()
    # calls: no more than are placed at once, or a worker that dies keeps all others waiting for its lease
    limit = LETTERS if kinds == MESSAGES else min(BATCH, ringing.AT_ONCE) if kinds == CALLS else BATCH
    rows = await context.store.lease(now, now + context.real(LEASE), limit, kinds)
    phone = [row for row in rows if row.kind == "phone"]
    messages = [row for row in rows if row.kind == "message"]
    alerts = [row for row in rows if row.kind == "alert"]
    cuts = [row for row in rows if row.kind == "cut"]
    others = [row for row in rows if row.kind not in {"phone", "message", "alert", "cut"}]
    free, outcomes = asyncio.Semaphore(AT_ONCE), _Outcomes(context)
    await asyncio.gather(
        *(_deliver(context, ports, alike, free, outcomes) for alike in _alike(others)),
        _cut(context, ports, cuts, outcomes),
        _plan(context, ports, alerts, free, outcomes),
        ringing.ring(context, ports, phone),
        alerting.send(context, ports.alerts, messages),
    )
    return len(rows)


class _Outcomes:
    """Keeps how effects ended: what ends while others are being written down is written together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: list[Settled] = []
        self._turn = asyncio.Lock()

    async def keep(self, settled: Sequence[Settled]) -> None:
        """Return when they are kept. What could not be kept comes again after its lease."""
        self._waiting.extend(settled)
        async with self._turn:
            kept, self._waiting = self._waiting, []
            if kept:
                await self._context.store.settle(kept, self._context.clock.now())


async def _plan(
    context: Context, ports: Ports, rows: Sequence[OutboxRow], free: asyncio.Semaphore, outcomes: _Outcomes
) -> None:
    """All of them in one transaction; where that does not go, each by itself."""
    if not rows:
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await alerting.plan(context, rows)
    except Exception as error:
        if len(rows) > 1:
            log.warning("%d alerts are planned one by one: %r", len(rows), error)
        await asyncio.gather(*(_deliver(context, ports, [row], free, outcomes) for row in rows))


async def _cut(context: Context, ports: Ports, rows: Sequence[OutboxRow], outcomes: _Outcomes) -> None:
    if rows:
        await outcomes.keep(await hanging_up.cut(context, ports, rows))


def _alike(rows: Sequence[OutboxRow]) -> list[list[OutboxRow]]:
    """Rows that one effect settles: what should be on a device is written once, whatever changed how often."""
    found: dict[str, list[OutboxRow]] = {}
    for row in rows:
        found.setdefault(row.target if row.kind == "desired" else f"{row.kind} {row.id}", []).append(row)
    return list(found.values())


async def _deliver(
    context: Context, ports: Ports, rows: Sequence[OutboxRow], free: asyncio.Semaphore, outcomes: _Outcomes
) -> None:
    async with free:
        await outcomes.keep(await _tried(context, ports, rows))


async def _tried(context: Context, ports: Ports, rows: Sequence[OutboxRow]) -> list[Settled]:
    """How it went with rows that one effect settles; nothing where that is said already."""
    row = rows[0]
    try:
        async with asyncio.timeout(PATIENCE):
            if row.kind == "alert":
                await alerting.plan(context, rows)
                return []
            settled = await _carry_out(context, ports, row)
            return [replace(settled, id=one.id) for one in rows]
    except (DispatchError, TimeoutError) as error:
        log.warning("%s to %s not delivered: %r", row.kind, row.target, error)
        why: Exception = error
    except Exception as error:
        log.exception("%s to %s not delivered", row.kind, row.target)
        why = error
    return [failed(context, one, why) for one in rows]


async def _carry_out(context: Context, ports: Ports, row: OutboxRow) -> Settled:
    match row.kind:
        case "centre":
            return await _hand_over(context, ports, row)
        case "desired":
            outcome = await _write_desired(context, ports, row.target)
        case _:
            raise Unavailable(f"nobody delivers {row.kind!r}")
    return Settled(row.id, "done", outcome)


async def _hand_over(context: Context, ports: Ports, row: OutboxRow) -> Settled:
    """To the centre's inbox, again and again until the receipt (C) is there: an inbox can lose what it has."""
    send = int(row.data["send"])

    def on_its_way(loaded: Loaded, now: datetime) -> Changes[bool]:
        order = loaded.order(row.order_id)
        return Changes((order.state, order.sends, order.centre_id) == ("sent", send, row.target))

    if row.tries and not await context.store.transact(on_its_way):
        return Settled(row.id, "done", "the centre has it, or it went another way")
    await ports.link.deliver(row.target, row.order_id, send, row.tries + 1)
    due = context.clock.now() + context.real(SEND_AGAIN)
    return Settled(row.id, "pending", "handed to the centre's inbox", due=due)


async def _write_desired(context: Context, ports: Ports, device: str) -> str:
    desired = await desired_state(context, device)
    if desired is None:
        return "the device belongs to no crew any more"
    await ports.devices.write_desired(desired)
    return f"revision {desired.revision}"


async def desired_state(context: Context, device: str) -> Desired | None:
    """What should be on a device as the centre stands now."""
    crew = context.directory.crew_of_device(device)
    if crew is None:
        return None

    def decide(loaded: Loaded, now: datetime) -> Changes[Desired]:
        return Changes(_desired(context, loaded, crew, device))

    return await context.store.transact(decide)


async def all_desired(context: Context) -> list[Desired]:
    """What should be on every device: written anew after Redis has lost or may have lost it."""
    wanted: list[tuple[Crew, Device]] = [(c, d) for c in context.directory.crews.values() for d in c.devices]

    def decide(loaded: Loaded, now: datetime) -> Changes[list[Desired]]:
        return Changes([_desired(context, loaded, crew, device.id) for crew, device in wanted])

    return await context.store.transact(decide)


def _desired(context: Context, loaded: Loaded, crew: Crew, device: str) -> Desired:
    duty = loaded.roster(crew.centre_id, crew.trade).crew(crew.id)
    known = next((d for d in crew.devices if d.id == device), Device(device, crew.id, "phone"))
    stack: Sequence[DesiredOrder] = [
        DesiredOrder(s.order_id, s.version, slot, s.text, s.acknowledged)
        for slot, s in enumerate(duty.stack, 1)
    ]
    orders = tuple(stack) if known.kind == "terminal" else ()
    return Desired(device, context.epoch, duty.revision, orders, known.protocol)
