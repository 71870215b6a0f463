"""D5: acknowledged means appended, and only known devices that have authenticated are heard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dispatch.messages import DeviceEvent, Link, Position
from gps_gateway import publisher
from gps_gateway.gateway import Gateway
from gps_gateway.publisher import encoded
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, line, position


async def test_a_position_is_stored_before_it_is_acknowledged(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)
        (stored,) = await centre.positions()
    assert isinstance(stored, Position)
    assert (stored.device, stored.protocol, stored.valid) == (DEVICE, "jt808", True)
    assert (stored.lat, stored.lon) == (39.9, 116.4)
    assert stored.fix_time == 1735776184  # 2025-01-02 00:03:04 UTC
    assert (stored.speed_mps, stored.course_deg, stored.altitude_m) == (10.0, 90.0, 50.0)


async def test_a_batch_is_acknowledged_once_and_stored_whole(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        items = [position(time=f"2501020803{n:02d}") for n in range(10)]
        body = len(items).to_bytes(2, "big") + b"\0"
        body += b"".join(len(item).to_bytes(2, "big") + item for item in items)
        serial = terminal.send(0x0704, body)
        assert (await terminal.expect(0x8001)).answered == (0x0704, serial, 0)
        assert len(await centre.positions()) == 10


async def test_a_resent_frame_is_acknowledged_again_and_not_doubled(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        for _ in range(3):
            terminal.send(0x0200, position(), serial=77)
            assert (await terminal.expect(0x8001)).answered == (0x0200, 77, 0)
        assert len(await centre.positions()) == 1


async def test_with_redis_stopped_nothing_is_acknowledged_and_nothing_is_lost(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        server.stop()
        first = terminal.send(0x0200, position(time="250102080301"))
        await terminal.silence(0.4)
        terminal.send(0x0200, position(time="250102080301"), serial=first)
        server.start()
        assert (await terminal.expect(0x8001)).answered == (0x0200, first, 0)
        terminal.send(0x0200, position(time="250102080301"), serial=first)
        assert (await terminal.expect(0x8001)).answered == (0x0200, first, 0)
        assert len(await centre.positions()) == 1


async def test_beyond_the_bound_frames_are_dropped_unacknowledged_until_there_is_room(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        await terminal.silence(0.05)  # until its coming is stored
        server.stop()
        sent = {terminal.send(0x0200, position(time=f"25010208{n // 60:02d}{n % 60:02d}")) for n in range(80)}
        async with asyncio.timeout(10):
            while gateway.publisher.waiting + gateway.counts.withheld < 80:
                await terminal.silence(0.1)
        assert (gateway.publisher.waiting, gateway.counts.withheld) == (50, 30)
        server.start()
        acknowledged = {(await terminal.expect(0x8001)).answered[1] for _ in range(50)}
        stored = {round(p.fix_time) for p in await centre.positions()}
        assert len(stored) == len(acknowledged) == 50
        for serial in sent - acknowledged:
            n = serial - min(sent)
            terminal.send(0x0200, position(time=f"25010208{n // 60:02d}{n % 60:02d}"), serial=serial)
        for _ in range(30):
            acknowledged.add((await terminal.expect(0x8001)).answered[1])
        assert acknowledged == sent
        assert len(await centre.positions()) == 80


async def test_the_gateway_starts_without_redis_and_takes_devices_when_it_is_there(
    server: RealServer, open_gateway: Open, centre: Centre
) -> None:
    server.stop()
    gateway = await open_gateway()
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        terminal.send(0x0100, bytes(37))
        terminal.send(0x0200, position())
        await terminal.silence(0.3)
        server.start()
        await terminal.login()
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)


async def test_an_unknown_device_is_refused(gateway: Gateway) -> None:
    async with RawTerminal(gateway.ports["jt808"], device="019999999999") as terminal:
        answer = await terminal.register()
        assert answer.body[2:] == b"\x04"  # no such terminal in the database, and no code


async def test_a_wrong_code_is_refused_and_its_positions_too(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        serial = terminal.send(0x0102, b"0" * 20)
        assert (await terminal.expect(0x8001)).answered == (0x0102, serial, 1)
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 1)
        assert await centre.positions() == []


async def test_another_devices_frame_on_an_authenticated_line_is_refused(
    gateway: Gateway, centre: Centre
) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.writer.write(line(0x0200, 900, position(), device="013800000002"))
        assert (await terminal.expect(0x8001)).answered == (0x0200, 900, 1)
        assert await centre.positions() == []


async def test_bad_bytes_are_counted_and_the_session_goes_on(gateway: Gateway) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        terminal.writer.write(b"GET / HTTP/1.1\r\n\r\n\x7e\x7d\x7d\x7e" + bytes(5000) + b"\x7e")
        serial = terminal.send(0x0002)
        assert (await terminal.expect(0x8001)).answered == (0x0002, serial, 0)
        assert gateway.counts.rejected == 3
        assert gateway.counts.reasons == {"length": 1, "escape": 1, "too long": 1}


async def test_the_newest_connection_of_a_device_wins(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as older, RawTerminal(gateway.ports["jt808"]) as newer:
        await older.login()
        await newer.login()
        assert await older.reader.read() == b""  # hung up
        serial = newer.send(0x0200, position())
        assert (await newer.expect(0x8001)).answered == (0x0200, serial, 0)
        assert gateway.counts.replaced == 1


async def test_coming_and_going_is_told(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
    await gateway.close()
    links = [event for event in await centre.events() if isinstance(event, Link)]
    assert [link.state for link in links] == ["online", "offline"]


async def test_a_device_that_logs_out_is_off_and_not_without_a_line(gateway: Gateway, centre: Centre) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        serial = terminal.send(0x0003, b"")
        assert (await terminal.expect(0x8001)).answered == (0x0003, serial, 0)
    await gateway.close()
    links = [event for event in await centre.events() if isinstance(event, Link)]
    assert [link.state for link in links] == ["online", "off"]


@pytest.mark.parametrize("split", [1, 2, 7])
async def test_a_slow_line_makes_no_difference(gateway: Gateway, centre: Centre, split: int) -> None:
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        raw = line(0x0200, 500, position())
        for start in range(0, len(raw), split):
            terminal.writer.write(raw[start : start + split])
            await terminal.writer.drain()
        assert (await terminal.expect(0x8001)).answered == (0x0200, 500, 0)


async def test_a_bug_on_the_way_to_the_streams_ends_nothing(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bugs = [TypeError("of a library"), ZeroDivisionError("of ours")]

    def frail(items: Sequence[Position | DeviceEvent]) -> bytes:
        if bugs:
            raise bugs.pop()
        return encoded(items)

    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        monkeypatch.setattr(publisher, "encoded", frail)
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)
        assert len(await centre.positions()) == 1
    assert "acknowledgements withheld: ZeroDivisionError('of ours')" in caplog.text
