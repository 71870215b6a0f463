"""The shared port over TCP and UDP, ports of their own, and two gateways on the same ports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.messages import Link, Status
from dispatch.settings import Settings
from gps_gateway.datagrams import Datagrams as Port
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS
from tests.gps_gateway.beacon import BEACON, Beacon, datagrams, dial
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import RawTerminal, position

POSITION = b"$B,7,P,1735776184,39.9,116.4#"
TAKEN = b"+7,P,1735776184,39.9,116.4#"


@pytest.fixture(autouse=True)
def beacon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROTOCOLS, "beacon", BEACON)
    return


async def say(port: int, data: bytes, piece: int = 1000) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await dial(port)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
        await asyncio.sleep(0)
    return reader, writer


@pytest.mark.parametrize("piece", [1, 3, 1000])
async def test_the_first_bytes_tell_the_protocols_apart(gateway: Gateway, centre: Centre, piece: int) -> None:
    await centre.register("7")
    async with RawTerminal(gateway.ports["trackers"]) as terminal:
        await terminal.login()
        serial = terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered == (0x0200, serial, 0)
        reader, _writer = await say(gateway.ports["trackers"], POSITION, piece)
        assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == TAKEN
        assert {p.protocol for p in await centre.positions()} == {"jt808", "beacon"}


async def test_a_beginning_that_nobody_knows_is_counted_and_closed_at_its_bound(gateway: Gateway) -> None:
    reader, writer = await say(gateway.ports["trackers"], b"GET / HTTP/1.1\r\n")
    await asyncio.sleep(0.1)
    assert len(gateway.connections) == 1, "it may still become something"
    writer.write(b"x" * 60)
    assert await asyncio.wait_for(_end(reader), 3) == b""
    assert gateway.counted("trackers").reasons == {"unknown protocol": 1}
    _, writer = await say(gateway.ports["trackers"], b"no")
    writer.close()
    await _until(lambda: gateway.counts.reasons["unknown protocol"] == 2)
    assert not gateway.connections


async def test_a_datagram_is_answered_when_it_is_stored_and_to_where_it_came_from(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    await centre.register("7")
    await centre.register("8")
    one, other = await datagrams(gateway.ports["trackers"]), await datagrams(gateway.ports["trackers"])
    one.send(POSITION)
    other.send(POSITION.replace(b"7", b"8", 1))
    assert await one.next() == TAKEN
    assert await other.next() == TAKEN.replace(b"7", b"8", 1)
    one.send(POSITION)
    assert await one.next() == TAKEN
    assert len(await centre.positions()) == 2, "a resend is not doubled"
    server.stop()
    one.send(POSITION.replace(b"39", b"38"))
    await one.silence()
    server.start()
    assert await one.next() == TAKEN.replace(b"39", b"38")


async def test_beyond_the_bound_datagrams_are_dropped_unanswered(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    await centre.register("7")
    device = await datagrams(gateway.ports["trackers"])
    device.send(b"$B,7,H#")
    assert await device.next() == b"+7,H#"
    await _until(lambda: gateway.publisher.waiting == 0)
    server.stop()
    sent = [b"$B,7,P,%d,39.9,116.4#" % (1735776184 + n) for n in range(80)]
    for packet in sent:
        device.send(packet)
    await _until(lambda: gateway.counts.withheld == 30)
    assert gateway.publisher.waiting == 50
    server.start()
    answered = {await device.next() for _ in range(50)}
    for packet in sent:
        device.send(packet)
        answered.add(await device.next())
    assert len(answered) == len(await centre.positions()) == 80


async def test_several_devices_may_speak_through_one_connection(gateway: Gateway, centre: Centre) -> None:
    for device in "789":
        await centre.register(device)
    packets = [b"$B,%d,H#" % n for n in (7, 8, 7, 9, 8, 5)]
    reader, _writer = await say(gateway.ports["trackers"], b"".join(packets))
    answers = [await asyncio.wait_for(reader.readuntil(b"#"), 3) for _ in range(7)]
    assert answers[:5] == [b"+7,H#", b"+8,H#", b"+7,H#", b"+9,H#", b"+8,H#"]
    assert answers[5:] == [b"-5,unknown device#", b"-5,not authenticated#"]
    assert set(gateway.online) == {"7", "8", "9"}


async def test_a_status_is_stored_before_it_is_answered(
    gateway: Gateway, centre: Centre, server: RealServer
) -> None:
    await centre.register("7")
    reader, writer = await say(gateway.ports["trackers"], b"$B,7,H#")
    assert await reader.readuntil(b"#") == b"+7,H#"
    server.stop()
    writer.write(b"$B,7,S,battery_pct=80#")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"#"), 0.3)
    server.start()
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == b"+7,S,battery_pct=80#"
    (said,) = [event for event in await centre.events() if isinstance(event, Status)]
    assert (said.device, said.protocol, said.attributes) == ("7", "beacon", {"battery_pct": 80.0})
    assert said.at == said.received_time


async def test_a_protocol_may_have_a_port_of_its_own_beside_the_shared_one(
    open_gateway: Open, centre: Centre
) -> None:
    await centre.register("7")
    gateway = await open_gateway(protocol_ports="beacon=5099", checksums="beacon=strict, jt808=accept")
    codec = gateway.codec("beacon")
    assert isinstance(codec, Beacon)
    assert codec.checksum == "strict"
    assert gateway.ports["beacon"] != gateway.ports["trackers"]
    for name in ("beacon", "trackers"):
        reader, _writer = await say(gateway.ports[name], POSITION)
        assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == TAKEN
        device = await datagrams(gateway.ports[name])
        device.send(POSITION)
        assert await device.next() == TAKEN


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"protocol_ports": "beacon=x"}, "PROTOCOL_PORTS: found beacon=x, expected a port number"),
        (
            {"protocol_ports": "nobody=1"},
            "PROTOCOL_PORTS: found 'nobody=1', expected .* beacon, jt808, osmand",
        ),
        ({"checksums": "beacon=maybe"}, "CHECKSUMS: found beacon=maybe, expected accept or strict"),
        ({"checksums": "osmand=strict"}, "CHECKSUMS: found 'osmand=strict', expected"),
        ({"unknown_devices": "love"}, "UNKNOWN_DEVICES: found love, expected refuse or quarantine"),
    ],
)
def test_a_setting_that_cannot_be_used_says_what_was_expected(settings: dict[str, str], message: str) -> None:
    if "protocol_ports" in settings and "nobody" in settings["protocol_ports"]:
        message = message.replace(" beacon, jt808, osmand", ", ".join(sorted(PROTOCOLS)))
    with pytest.raises(BadInput, match=message):
        Gateway(Settings(redis_url="redis://127.0.0.1:1", secret="s", **settings), SystemClock())  # type: ignore[arg-type]


async def test_two_gateways_share_every_port_where_they_are_told_to(
    open_gateway: Open, centre: Centre
) -> None:
    await centre.register("7")
    first = await open_gateway(share_ports=True)
    devices = {name: port for name, port in first.ports.items() if name != "metrics"}
    second = await open_gateway(devices, share_ports=True)
    assert devices.items() <= second.ports.items()
    for _ in range(40):
        reader, _writer = await say(first.ports["trackers"], POSITION)
        assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == TAKEN
        device = await datagrams(first.ports["trackers"])
        device.send(POSITION)
        assert await device.next() == TAKEN
    assert first.counts.frames > 0
    assert second.counts.frames > 0
    with pytest.raises(OSError, match="address already in use"):
        await open_gateway(devices)


async def test_addresses_are_remembered_up_to_a_bound(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    transport, port = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Port(gateway, "beacon", lambda _: "beacon", peers=3), ("127.0.0.1", 0)
    )
    for _ in range(5):
        device = await datagrams(transport.get_extra_info("sockname")[1])
        device.send(POSITION)
        assert await device.next() == TAKEN
    assert len(port._peers) == len(gateway.addresses) == 1, "the newest is the device"
    for n in range(5):
        device = await datagrams(transport.get_extra_info("sockname")[1])
        device.send(b"$B,%d,H#" % n)
        await device.next()
    assert len(port._peers) == 3
    transport.close()
    await _until(lambda: not gateway.addresses)


async def test_addresses_take_no_place_from_connections(gateway: Gateway, centre: Centre) -> None:
    """Anybody can write a sender's address into a datagram."""
    await centre.register("7")
    gateway.max_connections = 3
    for n in range(3):
        device = await datagrams(gateway.ports["trackers"])
        device.send(b"$B,%d,H#" % (100 + n))
        await device.next()
    assert gateway.state().connections == len(gateway.addresses) == 3
    reader, _ = await say(gateway.ports["trackers"], POSITION)
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == TAKEN


async def test_a_gateway_ends_while_datagrams_go_on(open_gateway: Open, centre: Centre) -> None:
    await centre.register("7")
    gateway = await open_gateway()
    device = await datagrams(gateway.ports["trackers"])

    async def talk() -> None:
        for n in count():
            device.send(b"$B,7,P,%d,39.9,116.4#" % n)
            await asyncio.sleep(0.001)

    talking = asyncio.create_task(talk())
    await device.next()
    async with asyncio.timeout(5):
        await gateway.close()
    talking.cancel()
    links = [event.state for event in await centre.events() if isinstance(event, Link)]
    assert links == ["online", "offline"]


@pytest.mark.parametrize("ending", [b"", b"$B,7,"], ids=["whole", "cut off"])
async def test_what_a_tracker_says_before_it_hangs_up_is_kept(
    gateway: Gateway, centre: Centre, ending: bytes
) -> None:
    """Also while it is still asked for whether that device is known: some connect for each position."""
    await centre.register("7")
    _, writer = await dial(gateway.ports["trackers"])
    writer.write(POSITION + ending)
    writer.close()
    await _until(lambda: gateway.publisher.stored)
    assert [one.device for one in await centre.positions()] == ["7"]
    assert not gateway.online
    assert not [event for event in await centre.events() if isinstance(event, Link)], "it was never here"
    _, writer = await dial(gateway.ports["trackers"])
    writer.write(POSITION.replace(b"7", b"8", 1))
    writer.close()
    await _until(lambda: gateway.counts.refusals)
    assert len(await centre.positions()) == 1


async def _end(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def _until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(3):
        while not true():
            await asyncio.sleep(0.01)
