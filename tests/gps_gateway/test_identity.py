"""Who may come in: unknown devices, one device twice, limits by address."""

from __future__ import annotations

import asyncio

import pytest

from dispatch.clock import SystemClock
from dispatch.messages import (
    Link,
    decode_doubled,
    doubled_key,
    shard,
)
from gps_gateway import failing
from gps_gateway.codec import Fix, Report
from gps_gateway.door import Bucket, Door
from gps_gateway.gateway import Gateway
from gps_gateway.session import Session
from tests.gps_gateway.beacon import datagrams, dial
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, position
from tests.gps_gateway.strangers import answer, strangers

NOBODY: frozenset[str] = frozenset()


pytestmark = pytest.mark.usefixtures("beacon")


# -- unknown devices


async def test_an_unknown_device_is_refused_and_taken_as_soon_as_it_is_registered(
    gateway: Gateway, centre: Centre
) -> None:
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"-7,unknown device#"
    assert await answer(reader) == b"-7,not authenticated#"
    seen = (await strangers(gateway, centre))["7"]
    assert (seen.address, seen.protocol, seen.why) == ("127.0.0.1", "beacon", "unknown device")
    assert [(one.sent, one.raw) for one in seen.frames] == [
        (False, b"$B,7,H#"),
        (True, b"-7,unknown device#"),
    ]
    assert '"type":"Heartbeat"' in seen.frames[0].meant[1]
    await centre.register("7")
    await asyncio.sleep(0.25)
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    assert await answer(reader) == b"+7,P,1735776184,39.9,116.4#"
    assert await strangers(gateway, centre) == {}


async def test_a_quarantined_device_hears_nothing_until_an_administrator_registers_it(
    open_gateway: Open, centre: Centre
) -> None:
    gateway = await open_gateway(unknown_devices="quarantine")
    reader, writer = await dial(gateway.ports["trackers"])
    for _ in range(2):
        writer.write(b"$B,7,P,1735776184,39.9,116.4#")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readuntil(b"#"), 0.15)
    assert len(gateway.connections) == 1
    assert await centre.positions() == []
    seen = (await strangers(gateway, centre))["7"]
    assert seen.why == "quarantined"
    assert len(seen.frames) == 2
    await centre.register("7")
    await asyncio.sleep(0.25)
    writer.write(b"$B,7,P,1735776185,39.9,116.4#")
    assert await answer(reader) == b"+7,P,1735776185,39.9,116.4#"


async def test_a_terminal_with_codes_is_quarantined_at_its_registration(
    open_gateway: Open, centre: Centre
) -> None:
    gateway = await open_gateway(unknown_devices="quarantine")
    async with RawTerminal(gateway.ports["jt808"], device="019999999999") as terminal:
        terminal.send(0x0100, bytes(37))
        terminal.send(0x0200, position())
        await terminal.silence()
        assert (await strangers(gateway, centre))["019999999999"].why == "quarantined"
        await centre.register("019999999999")
        await terminal.login()


async def test_a_device_that_cannot_be_asked_for_is_taken_when_it_can(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    await centre.register("7")
    server.stop()
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"#"), 0.3)
    server.start()
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    assert await answer(reader) == b"+7,P,1735776184,39.9,116.4#"


# -- one device twice


async def test_the_newest_connection_is_the_device_and_the_operators_see_that_there_were_two(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as first, RawTerminal(gateway.ports["jt808"]) as second:
        await first.login()
        await second.login()
        assert await asyncio.wait_for(first.reader.read(), 3) == b""
        await gateway.window.write()
        raw = await centre.redis.hget(doubled_key(shard(DEVICE)), DEVICE)
        assert isinstance(raw, bytes)
        doubled = decode_doubled(raw)
        assert (doubled.older, doubled.newer, doubled.times) == ("127.0.0.1", "127.0.0.1", 1)


async def test_a_device_that_comes_to_another_gateway_leaves_the_first(
    open_gateway: Open, centre: Centre
) -> None:
    await centre.register("7")
    one, other = await open_gateway(), await open_gateway()
    await asyncio.sleep(0.2)  # until both listen
    reader, writer = await dial(one.ports["trackers"])
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"+7,H#"
    later, writer = await dial(other.ports["trackers"])
    writer.write(b"$B,7,H#")
    assert await answer(later) == b"+7,H#"
    assert await asyncio.wait_for(reader.read(), 3) == b""
    assert not one.online
    writer.write(b"$B,7,H#")
    assert await answer(later) == b"+7,H#", "the newer one stays"
    await asyncio.sleep(0.1)  # until that is stored
    links = [event.state for event in await centre.events() if isinstance(event, Link)]
    assert links == ["online", "online"], "it never went"


# -- limits


def test_the_door_counts_connections_and_attempts_of_an_address() -> None:
    door = Door(2, 3, NOBODY)
    assert [door.enter("a", 0.0) for _ in range(3)] == ["", "", "too many connections"]
    assert door.enter("b", 0.0) == ""
    assert door.enter("a", 0.0) == "too many attempts"
    door.leave("a")
    assert door.enter("a", 21.0) == "", "an attempt comes back after 20 s"
    assert Door(1, 1).enter("127.0.0.1", 0.0) == Door(0, 0, NOBODY).enter("a", 0.0) == ""


def test_a_bucket_tells_how_long_its_debt_lasts() -> None:
    bucket = Bucket(10, 20, 0.0)
    assert bucket.take(20, 0.0) == 0
    assert bucket.take(5, 0.0) == 0.5
    assert bucket.take(0, 1.0) == 0


async def test_an_address_with_too_many_connections_gets_no_more(open_gateway: Open) -> None:
    gateway = await open_gateway(connections_per_address=2, trusted=NOBODY)
    lines = [await dial(gateway.ports["trackers"]) for _ in range(3)]
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(lines[2][0].readexactly(1), 3)
    assert len(gateway.connections) == 2
    assert gateway.counts.limited == {"too many connections": 1}


async def test_who_talks_too_fast_is_read_more_slowly_and_loses_nothing(
    open_gateway: Open, centre: Centre
) -> None:
    await centre.register("7")
    gateway = await open_gateway(frames_per_second=100)
    reader, writer = await dial(gateway.ports["trackers"])
    began = SystemClock.monotonic()
    for _ in range(6):
        writer.write(b"$B,7,H#" * 90)
        await asyncio.sleep(0.01)
    for _ in range(540):
        assert await answer(reader) == b"+7,H#"
    assert gateway.counts.limited["too fast"] >= 1
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"+7,H#"
    assert SystemClock.monotonic() - began > 0.3, "40 frames beyond the burst of 500"


async def test_an_address_that_sends_too_many_datagrams_is_not_heard(
    open_gateway: Open, centre: Centre
) -> None:
    await centre.register("7")
    gateway = await open_gateway(frames_per_second=1)
    device = await datagrams(gateway.ports["trackers"])
    for _ in range(5):
        device.send(b"$B,7,H#")
        assert await device.next() == b"+7,H#"
    device.send(b"$B,7,H#")
    await device.silence()
    assert gateway.counts.limited == {"too fast": 1}


async def test_who_has_no_code_does_not_take_the_place_of_who_showed_one(
    gateway: Gateway, centre: Centre
) -> None:
    """Anybody can write a terminal's number into a packet of a protocol without codes."""
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        reader, writer = await dial(gateway.ports["trackers"])
        writer.write(f"$B,{DEVICE},P,1735776184,10.0,10.0#".encode())
        assert await answer(reader) == f"-{DEVICE},bad code#".encode()
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)
    assert [(p.lat, p.lon) for p in await centre.positions()] == [(39.9, 116.4)]
    assert (await strangers(gateway, centre))[DEVICE].protocol == "beacon"


def test_a_position_without_a_time_is_new_every_time() -> None:
    session = Session()
    for time, again in ((None, "new"), (1735776184.0, "stored")):
        report = Report(device="7", mark=hash(time), fixes=(Fix(time, 39.9, 116.4),))
        assert session.take(report) == "new"
        assert session.take(report) == "pending"
        session.stored([report])
        assert session.take(report) == again


async def test_who_is_refused_again_and_again_fills_no_log(
    gateway: Gateway, centre: Centre, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "_next", {})
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        for device in ("019999999999", terminal.device):
            terminal.device = device
            for _ in range(20):
                terminal.send(0x0102, b"no code of ours")
                await terminal.expect(0x8001)
    said = [one.getMessage() for one in caplog.records if " refused: " in one.getMessage()]
    unknown, bad = said
    assert unknown.startswith("019999999999 refused: unknown device")
    assert bad.startswith(f"{DEVICE} refused: bad code")
    assert gateway.counted("jt808").refusals == {"unknown device": 20, "bad code": 20}
