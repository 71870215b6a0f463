"""A device speaks the protocol that it is registered with; under its id no other is taken."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.messages import Desired, desired_key, encode
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS, belongs
from tests.gps_gateway.beacon import BEACON, dial
from tests.gps_gateway.conftest import Centre
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, position

PLACE = "lat=39.9&lon=116.4&timestamp=1735776184"


@pytest.fixture(autouse=True)
def beacon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROTOCOLS, "beacon", BEACON)
    monkeypatch.setattr("gps_gateway.conversation.ASK_AGAIN", 0.2)


async def register(centre: Centre, device: str, protocol: str) -> None:
    await centre.redis.set(desired_key(device), encode(Desired(device, "e1", 0, (), protocol)))


async def by_http(gateway: Gateway, device: str, name: str = "osmand") -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports[name]}") as phone:
        return await phone.get(f"/?id={device}&{PLACE}")


@pytest.mark.parametrize(
    ("spoken", "registered", "taken"),
    [
        ("jt808", "", True),
        ("jt808", "jt808", True),
        ("osmand", "jt808", False),
        ("jt905", "jt808", False),
        ("owntracks", "osmand", True),
        ("osmand", "owntracks", True),
        ("jt808", "osmand", False),
        ("jt808", "a protocol of another version", False),
    ],
)
def test_whose_protocol_it_is(spoken: str, registered: str, taken: bool) -> None:
    assert belongs(spoken, registered) == taken


async def test_a_phone_cannot_place_a_terminal(gateway: Gateway, centre: Centre) -> None:
    await register(centre, DEVICE, "jt808")
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()
        for _ in range(2):
            answer = await by_http(gateway, DEVICE)
            assert (answer.status_code, answer.text) == (
                403,
                f"device {DEVICE} is registered with another protocol",
            )
        assert await centre.positions() == []
        terminal.send(0x0200, position())
        assert (await terminal.expect(0x8001)).answered[0] == 0x0200
    assert [one.protocol for one in await centre.positions()] == ["jt808"]
    counts = gateway.counted("osmand")
    assert (counts.refused, counts.refusals) == (2, {"wrong protocol": 2})
    await gateway.window.write()
    seen = await RedisDeviceWindow(centre.redis).one(DEVICE)
    assert seen.misnamed is not None
    assert (seen.misnamed.protocol, seen.misnamed.address, seen.misnamed.times) == ("osmand", "127.0.0.1", 2)
    assert seen.state is not None
    assert seen.state.protocol == "jt808", "the terminal's own state stands"
    assert "wrong protocol: osmand from 127.0.0.1" in seen.frames[0].meant[0]
    assert b"lat=39.9" in seen.frames[0].raw
    assert (await RedisDeviceWindow(centre.redis).all()).misnamed[DEVICE].times == 2


async def test_a_tracker_cannot_place_a_phone_until_an_administrator_says_so(
    gateway: Gateway, centre: Centre
) -> None:
    await register(centre, "7", "osmand")
    assert (await by_http(gateway, "7")).status_code == 200
    reader, writer = await dial(gateway.ports["trackers"])
    packet = b"$B,7,P,1735776184,39.9,116.4#"
    writer.write(packet)
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == b"-7,wrong protocol#"
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == b"-7,not authenticated#"
    assert len(await centre.positions()) == 1
    assert gateway.counted("beacon").refusals["wrong protocol"] == 1
    await gateway.window.write()
    seen = await RedisDeviceWindow(centre.redis).one("7")
    assert seen.misnamed is not None
    assert seen.misnamed.protocol == "beacon"
    assert seen.frames[-1].raw == packet
    assert "7" not in {one.name for one in (await RedisDeviceWindow(centre.redis).all()).strangers}
    await register(centre, "7", "beacon")
    await asyncio.sleep(0.25)
    writer.write(packet)
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == b"+7,P,1735776184,39.9,116.4#"


async def test_where_no_protocol_is_registered_any_is_taken(gateway: Gateway, centre: Centre) -> None:
    await register(centre, "7", "")
    assert (await by_http(gateway, "7")).status_code == 200
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#")
    assert await asyncio.wait_for(reader.readuntil(b"#"), 3) == b"+7,H#"
