"""A codec that raises costs the device one packet, and neither the connection nor what waits for its acknowledgement."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from dispatch.messages import LOOK_CHANNEL
from gps_gateway import failing
from gps_gateway.codec import Event, Frame, Rejected
from gps_gateway.failing import FAILED, FAILURES, salvage
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS, Stream, Web
from tests.gps_gateway.beacon import BEACON, Beacon, datagrams, dial
from tests.gps_gateway.conftest import Centre, RealServer
from tests.gps_gateway.golden import golden, packet
from tests.gps_gateway.strangers import strangers
from tests.gps_gateway.test_window import frames, state

REPORT = "$B,7,P,{},39.9,116.4#"


class Frail(Beacon):
    """A codec with bugs: one in reading, one in answering, one at the end."""

    def _read(self, packet: bytes) -> list[Event]:
        if b"BOOM" in packet:
            raise KeyError("reading")
        return super()._read(packet)

    def accept(self, event: Frame, code: str = "") -> None:
        if "13," in self._texts.get(event.mark, ""):
            raise IndexError("answering")
        super().accept(event, code)


@pytest.fixture(autouse=True)
def frail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "beacon", Stream(Frail, BEACON.begins, udp=True))
    monkeypatch.setattr(failing, "_next", {})


async def answer(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"#"), 3)


@pytest.mark.parametrize("first", ["", "$B,7,H#"], ids=["at once", "later"])
async def test_the_packets_around_it_are_taken_and_the_connection_stays(
    gateway: Gateway, centre: Centre, caplog: pytest.LogCaptureFixture, first: str
) -> None:
    await centre.register("7")
    reader, writer = await dial(gateway.ports["trackers"])
    if first:
        writer.write(first.encode())
        await answer(reader)
    stream = REPORT.format(1) + "$B,7,BOOM#" * 2 + REPORT.format(2)
    with caplog.at_level(logging.ERROR):
        writer.write(stream.encode())
        assert [await answer(reader) for _ in range(2)] == [
            b"+7,P,1,39.9,116.4#",
            b"+7,P,2,39.9,116.4#",
        ]
    writer.write(REPORT.format(3).encode())
    assert await answer(reader) == b"+7,P,3,39.9,116.4#"
    assert sorted(one.fix_time for one in await centre.positions()) == [1, 2, 3]
    assert gateway.counted("beacon").reasons == {FAILED: 2}
    logged = [one.getMessage() for one in caplog.records if one.name == failing.log.name]
    assert len(logged) == 1, "it is logged once in a while"
    assert b"$B,7,BOOM".hex() in logged[0]
    assert len(logged[0]) < 250
    assert (await state(gateway, centre, "7")).rejected == {FAILED: 2}
    shown = [one for one in await frames(gateway, centre, "7") if FAILED in "".join(one.meant)]
    assert b"$B,7,BOOM#" in {one.raw for one in shown}


async def test_what_was_withheld_is_acknowledged_after_it(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    await centre.register("7")
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#")
    await answer(reader)
    server.stop()
    writer.write(REPORT.format(1).encode())
    await asyncio.sleep(0.1)
    writer.write(b"$B,7,BOOM#")
    await asyncio.sleep(0.1)
    server.start()
    assert await answer(reader) == b"+7,P,1,39.9,116.4#"


async def test_an_answer_that_fails_takes_no_other_with_it(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write("".join(REPORT.format(n) for n in (12, 13, 14)).encode())
    assert await answer(reader) == b"+7,P,12,39.9,116.4#"
    assert await answer(reader) == b"+7,P,14,39.9,116.4#"
    assert gateway.counted("beacon").reasons == {FAILED: 1}


async def test_whoever_looks_at_it_sees_that_it_failed(
    gateway: Gateway, centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    """What is remembered of a device is decoded once more for them: that must end nothing either."""
    await centre.register("7")
    await asyncio.sleep(0.2)  # until it listens
    for device in (b"7", b"8"):
        reader, writer = await dial(gateway.ports["trackers"])
        writer.write(b"$B,%b,H#$B,%b,BOOM#" % (device, device))
        await answer(reader)
    await centre.redis.publish(LOOK_CHANNEL, "7")
    await asyncio.sleep(0.2)
    assert "7" in gateway.window.watched
    for trace in (await frames(gateway, centre, "7"), (await strangers(gateway, centre))["8"].frames):
        assert any(FAILED in "".join(one.meant) for one in trace)
    assert not [one for one in caplog.records if one.name == "gps_gateway.gateway"], "no part has ended"


async def test_a_datagram_that_it_fails_on_is_rejected(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    device = await datagrams(gateway.ports["trackers"])
    device.send(b"$B,7,BOOM#")
    device.send(b"$B,7,H#")
    assert await device.next() == b"+7,H#"
    assert gateway.counted("beacon").reasons == {FAILED: 1}


async def test_a_request_that_it_fails_on_is_answered(
    gateway: Gateway, centre: Centre, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def parse(*_: object) -> Event:
        raise RuntimeError

    web = PROTOCOLS["osmand"]
    assert isinstance(web, Web)
    monkeypatch.setattr("gps_gateway.protocols.osmand.request._from_fields", parse)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['osmand']}") as phone:
        found = await phone.get("/?id=7&lat=1&lon=2&password=hunter2")
    assert (found.status_code, found.text) == (400, FAILED)
    assert gateway.counted("osmand").reasons == {FAILED: 1}
    assert b"hunter2".hex() not in caplog.text


def test_one_that_raises_on_everything_is_bounded() -> None:
    class Broken(Beacon):
        def receive(self, data: bytes) -> list[Event]:
            raise ValueError

        def end(self) -> list[Event]:
            raise ValueError

    codec, events = salvage(Broken(), Beacon, b"$B,7,H#" * 10_000, "7")
    assert isinstance(codec, Beacon)
    assert not isinstance(codec, Broken)
    assert 1 <= len([one for one in events if isinstance(one, Rejected)]) <= FAILURES


@pytest.mark.parametrize("name", [n for n, p in PROTOCOLS.items() if isinstance(p, Stream) and n != "beacon"])
def test_what_is_read_again_means_the_same(name: str) -> None:
    """As if the codec had raised on nothing of it."""
    stream = PROTOCOLS[name]
    assert isinstance(stream, Stream)
    for row in golden(name):
        data = packet(row)
        _, (first, *events) = salvage(stream.codec("accept"), lambda: stream.codec("accept"), data, "7")
        assert first == Rejected(FAILED, data[:256], "7")
        assert str(events) == str(stream.codec("accept").receive(data)), row["source"]
