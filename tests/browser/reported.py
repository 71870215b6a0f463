"""Orders that were reported, sent and worked on before somebody looks at a page."""

from __future__ import annotations

from dispatch.adapters.sql import history
from dispatch.core.position import Fix
from dispatch.core.track import Kept
from dispatch.core.types import Actor, Point
from dispatch.services import crew as duty
from dispatch.services import dispatcher, hotline
from tests.browser.served import Served
from tests.dispatch.organisation import EAST

HOLLY, DORA = Actor("hotline", "holly"), Actor("dispatcher", "dora")


def take(centre: Served, address: str, north_m: float, phone: str = "+861012345") -> str:
    place = Point(EAST[0] + north_m / 111_320, EAST[1])
    call = hotline.Call("phone", address, "no_supply", "lv", place=place, customer_phone=phone)
    return str(centre.do(hotline.take_call(centre.place.context, call, by=HOLLY)).order_id)


def at_centre(centre: Served, address: str, north_m: float) -> str:
    order_id = take(centre, address, north_m)
    centre.do(hotline.send(centre.place.context, order_id, by=HOLLY))
    centre.centre_receives(order_id)
    return order_id


def drive(
    centre: Served, order_id: str, crew_id: str = "E1", then: tuple[str, ...] = ("arrive", "restore")
) -> None:
    """The crew takes the order, drives for ten minutes to a place near EAST, and repairs it."""
    context, clock = centre.place.context, centre.place.clock
    crew = context.directory.crews[crew_id]
    centre.do(dispatcher.dispatch(context, order_id, crew_id=crew_id, by=DORA))
    clock.advance(60)
    for step in ("acknowledge", "depart"):
        centre.do(duty.step(context, order_id, step, crew=crew))
    begun = clock.now().timestamp()
    fixes = [
        Fix(30.0 + n * 0.0008, 120.02 + n * 0.0005, begun + 10 * n, begun + 10 * n, speed_mps=9.0)
        for n in range(60)
    ]
    device = f"t-{crew_id}"
    kept = [Kept(f"{n}-0", 0, device, fix, "ok", fix.fix_time, 90.0 * n, True) for n, fix in enumerate(fixes)]
    centre.do(centre.place.store.write(lambda c: history.store(c, kept)))
    clock.advance(600)
    for step in then:
        centre.do(duty.step(context, order_id, step, crew=crew))
