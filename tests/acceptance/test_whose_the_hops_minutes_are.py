"""An order that comes late to its terminal: no line, the terminal off, our own queue, or nobody knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatch.core.hop import LinkSeen, learn
from dispatch.core.segments import overruns
from dispatch.messages import Link, Receipt
from dispatch.services.tracking import device_event
from tests.dispatch.centre import PROCESS, Centre
from tests.dispatch.outside import START


async def _link(centre: Centre, state: str, minute: float) -> None:
    at = (START + timedelta(minutes=minute)).timestamp()
    await device_event(centre.context, Link("t-N1", state, at, "jt808"))


async def _late(centre: Centre, *then: tuple[str, float]) -> tuple[str, str, str]:
    """Dispatched at minute 2, receipted at minute 12, links changing meanwhile: owner and evidence of DE, alert's owner."""
    centre.terminals.online.discard("t-N1")
    order_id = await centre.dispatched()
    for state, minute in then:
        await centre.until(minute)
        await _link(centre, state, minute)
    await centre.until(12)
    at = centre.clock.now().timestamp()
    await device_event(centre.context, Receipt("t-N1", order_id, 1, "delivered", at))
    order = await centre.order(order_id)
    (late,) = [o for o in overruns(order, PROCESS, centre.clock.now()) if o.label == "DE"]
    (told,) = [e.data["owner"] for e in order.history if e.data.get("segment") == "DE"]
    return late.owner, late.evidence.rpartition("link ")[2], told


async def test_it_was_on_the_line_all_along_our_queue(centre: Centre) -> None:
    await _link(centre, "online", 0)
    assert await _late(centre) == ("our_queue", "up", "our_queue")


async def test_it_had_no_line(centre: Centre) -> None:
    await _link(centre, "online", 0)
    await _link(centre, "offline", 1)
    assert await _late(centre, ("online", 11)) == ("network", "line_down", "network")


async def test_its_line_broke_after_the_dispatch(centre: Centre) -> None:
    await _link(centre, "online", 0)
    assert await _late(centre, ("offline", 3), ("online", 11)) == ("network", "line_down", "our_queue")


async def test_it_had_logged_out(centre: Centre) -> None:
    await _link(centre, "online", 0)
    await _link(centre, "off", 1)
    assert await _late(centre, ("online", 11)) == ("device", "device_off", "device")


async def test_it_logged_out_after_the_dispatch(centre: Centre) -> None:
    await _link(centre, "online", 0)
    assert (await _late(centre, ("off", 3), ("online", 11)))[:2] == ("device", "device_off")


async def test_nobody_knows(centre: Centre) -> None:
    assert await _late(centre) == ("network", "unknown", "network")


@pytest.mark.parametrize(
    ("kept", "owner"), [("online", "our_queue"), ("off", "device"), ("offline", "network")]
)
async def test_after_a_restart_it_is_known_by_what_the_gateway_keeps(
    centre: Centre, kept: str, owner: str
) -> None:
    learn(centre.context.links, [("t-N1", kept, START - timedelta(hours=1))])
    then = () if kept == "online" else (("online", 11.0),)
    assert (await _late(centre, *then))[0] == owner


def test_only_what_is_newer_is_learnt() -> None:
    links: dict[str, LinkSeen] = {}
    later = START + timedelta(minutes=1)
    learn(links, [("a", "online", later), ("a", "offline", START), ("a", "online", later)])
    assert links["a"] == LinkSeen("online", later)
    learn(links, [("a", "online", later + timedelta(minutes=1))])
    assert links["a"].before == "offline", "another connection: between the two there was none"
