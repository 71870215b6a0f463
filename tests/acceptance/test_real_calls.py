"""Article: nobody answers on the screen. Real calls over SIP: the crew's phone, leader 1, leader 2; who presses 1 ends it.

The centre's time is virtual, the calls are real: time stands while a call is made.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.services.telephone import PhoneReport, phone_reported
from simulators.phone_callee import Habit, Telephones
from tests.dispatch.centre import DUTY, LEADER1, LEADER2, Centre
from tests.dispatch.telephones import KINDS, Rig, account, needs, telephone, true

pytestmark = [
    needs("baresip"), pytest.mark.timeout(120), pytest.mark.parametrize("database_kind", ["sqlite"]),
]  # fmt: skip
each_kind = pytest.mark.parametrize("kind", KINDS)
CHAIN = (("crew_duty", DUTY), ("leader1", LEADER1), ("leader2", LEADER2))
BUSY, SILENT, PRESSES = Habit(refuse="486 Busy Here"), Habit(hangs_up_after=0.3), Habit(keys=((0.3, "1"),))


async def _heard(centre: Centre, rig: Rig) -> None:
    """Every call comes to its end, and the centre is told."""
    await true(lambda: not rig.book.live())
    for call in rig.book.untold():
        for r in call.reports[call.told :]:
            at = centre.clock.now()
            await phone_reported(
                centre.context, PhoneReport(r.call_id, r.number, r.seq, r.state, r.digit, at, r.why)
            )
            rig.book.told(call)


async def _climb(centre: Centre, rig: Rig, until: float) -> None:
    """Minute by minute from the first rung on."""
    for minute in range(6, int(until) + 1):
        await centre.until(minute + 0.2)
        await _heard(centre, rig)


@each_kind
@pytest.mark.parametrize("rung", range(3))
async def test_whoever_presses_1_ends_the_climb(centre: Centre, kind: str, rung: int, tmp_path: Path) -> None:
    habits = {
        number: PRESSES if at == rung else (BUSY, SILENT)[at % 2] for at, (_, number) in enumerate(CHAIN)
    }
    async with (
        Telephones(habits).listening() as there,
        telephone(kind, tmp_path / "p", account(there.port)) as rig,
    ):
        centre.ports = replace(centre.ports, phone=rig.phone)
        order_id = await centre.dispatched()
        await _climb(centre, rig, 9)
        order = await centre.order(order_id)
    rings = [heard.number for heard in there.calls]
    assert rings == [number for _, number in CHAIN[: rung + 1]], "it went on to nobody"
    ends = [(to, state) for to, state in await centre.attempts(order_id) if state != "dialling"]
    assert ends == [*[("crew_duty", "busy"), ("leader1", "completed")][:rung], (CHAIN[rung][0], "keypress 1")]
    if rung == 0:
        assert order.state == "acknowledged"
    else:
        assert (order.state, order.last("in_hand").data["who"]) == ("delivered", CHAIN[rung][0])  # type: ignore[union-attr]


@each_kind
async def test_an_acknowledgement_on_the_screen_cuts_the_call(
    centre: Centre, kind: str, tmp_path: Path
) -> None:
    async with (
        Telephones({DUTY: Habit()}).listening() as there,
        telephone(kind, tmp_path / "p", account(there.port)) as rig,
    ):
        centre.ports = replace(centre.ports, phone=rig.phone)
        order_id = await centre.dispatched()
        await centre.until(6.2)
        await true(lambda: any("answered" in rig.states(c) for c in rig.book.calls))
        await centre.step(order_id, "acknowledge")
        await centre.until(6.3)
        await true(lambda: there.of(DUTY)[0].ended == "caller hung up", within=3.0)
        await _heard(centre, rig)
        assert (await centre.attempts(order_id))[-1] == ("crew_duty", "cut")


@pytest.mark.parametrize("kind", ["baresip"])
async def test_a_sidecar_that_dies_is_said_and_the_chain_goes_on(
    centre: Centre, kind: str, tmp_path: Path
) -> None:
    async with (
        Telephones({DUTY: Habit(), LEADER1: PRESSES}).listening() as there,
        telephone(kind, tmp_path / "p", account(there.port)) as rig,
    ):
        centre.ports = replace(centre.ports, phone=rig.phone)
        order_id = await centre.dispatched()
        await centre.until(6.2)
        await true(lambda: any("answered" in rig.states(c) for c in rig.book.calls))
        assert rig.process is not None
        rig.process.kill()
        await _heard(centre, rig)
        await centre.until(7.2)
        order = await centre.order(order_id)
        said = [(e.data["state"], e.data.get("note")) for e in order.history if e.kind == "attempt"]
        assert ("failed", "baresip has ended") in said
        assert [phone for _, phone in await centre.rungs(order_id)] == ["crew_duty", "leader1"]
