"""What the operators see: frames, states, strangers and metrics."""

from __future__ import annotations

import asyncio

import pytest

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.messages import (
    LOOK_CHANNEL,
    DeviceState,
    SeenFrame,
    decode_device_state,
    decode_seen_frame,
    devices_key,
    frames_key,
    shard,
)
from gps_gateway.conversation import Conversation
from gps_gateway.gateway import Gateway
from tests.gps_gateway.beacon import dial
from tests.gps_gateway.conftest import Centre
from tests.gps_gateway.strangers import answer, strangers

pytestmark = pytest.mark.usefixtures("beacon")


async def frames(gateway: Gateway, centre: Centre, device: str) -> list[SeenFrame]:
    await gateway.window.write()
    found = await centre.redis.lrange(frames_key(device), 0, -1)
    return [decode_seen_frame(raw) for raw in found if isinstance(raw, bytes)]


async def state(gateway: Gateway, centre: Centre, device: str) -> DeviceState:
    await gateway.window.write()
    raw = await centre.redis.hget(devices_key(shard(device)), device)
    assert isinstance(raw, bytes)
    return decode_device_state(raw)


async def test_the_frames_of_a_device_are_shown_while_somebody_looks(
    gateway: Gateway, centre: Centre
) -> None:
    await centre.register("7")
    await asyncio.sleep(0.2)  # until it listens
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    await answer(reader)
    assert await frames(gateway, centre, "7") == [], "nobody looks"
    await centre.redis.publish(LOOK_CHANNEL, "7")
    await asyncio.sleep(0.2)
    writer.write(b"$B,7,S,battery_pct=80#")
    await answer(reader)
    seen = await frames(gateway, centre, "7")
    assert [(one.sent, one.raw[:6]) for one in seen] == [
        (False, b"$B,7,P"), (True, b"+7,P,1"), (False, b"$B,7,S"), (True, b"+7,S,b")
    ]  # fmt: skip
    assert '"lat":39.9' in seen[0].meant[1]
    assert '"type":"Status"' in seen[2].meant[0]
    assert 0 < await centre.redis.ttl(frames_key("7")) <= 900
    found = await state(gateway, centre, "7")
    assert (found.online, found.protocol, found.address, found.frames) == (True, "beacon", "127.0.0.1", 3)
    assert (found.fix_time, found.status) == (1735776184.0, {"battery_pct": 80.0})
    writer.close()
    await asyncio.sleep(0.1)
    assert not (await state(gateway, centre, "7")).online


async def test_rejected_frames_are_kept_without_anybody_looking(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#$B,7,Q#rubbish#")
    await answer(reader)
    await asyncio.sleep(0.1)
    seen = await frames(gateway, centre, "7")
    assert [one.raw for one in seen] == [b"$B,7,Q", b"rubbish"]
    assert '"reason":"kind"' in seen[0].meant[0]
    assert (await state(gateway, centre, "7")).rejected == {"kind": 1, "fields": 1}


async def test_who_begins_like_no_protocol_is_found_by_address(gateway: Gateway, centre: Centre) -> None:
    _, writer = await dial(gateway.ports["trackers"])
    writer.write(b"\x01" * 100)
    await asyncio.sleep(0.1)
    found = (await strangers(gateway, centre))["127.0.0.1"]
    assert (found.why, found.protocol, found.frames[0].raw) == ("unknown protocol", "", b"\x01" * 64)


async def test_phones_are_seen_too(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    for device, status in (("7", b"200"), ("8", b"404")):
        asked, writer = await dial(gateway.ports["osmand"])
        query = f"/?id={device}&lat=39.9&lon=116.4&timestamp=1735776184"
        writer.write(f"GET {query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert status in await asyncio.wait_for(asked.readline(), 3)
    unknown = (await strangers(gateway, centre))["8"]
    assert (unknown.protocol, unknown.why) == ("osmand", "unknown device")
    assert b"id=8" in unknown.frames[0].raw
    found = await state(gateway, centre, "7")
    assert (found.online, found.protocol, found.fix_time) == (True, "osmand", 1735776184.0)
    assert found.until == found.last_seen + 600


async def test_strangers_are_bounded(gateway: Gateway, centre: Centre) -> None:
    for n in range(150):
        gateway.window.stranger(str(n), "a", "beacon", "unknown device", [])
    assert len(await strangers(gateway, centre)) == 100


async def test_the_metrics_are_read_on_loopback(gateway: Gateway, centre: Centre) -> None:
    await centre.register("7")
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#$B,7,P,1735776184,39.9,116.4#$B,7,P,1735776184,39.9,116.4#$B,7,Q#")
    for _ in range(2):
        await answer(reader)
    await asyncio.sleep(0.1)
    talk = gateway.online["7"]
    assert isinstance(talk, Conversation)
    talk.defects["checksum"] += 2
    asked, writer = await dial(gateway.ports["metrics"])
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    text = (await asyncio.wait_for(asked.read(), 3)).decode()
    for line in (
        'dispatch45_gateway_frames_total{protocol="beacon"} 5.0',
        'dispatch45_gateway_rejected_total{protocol="beacon",reason="kind"} 1.0',
        'dispatch45_gateway_resent_total{protocol="beacon"} 1.0',
        'dispatch45_gateway_defects_total{defect="checksum",protocol="beacon"} 2.0',
        'dispatch45_gateway_connections{protocol="beacon"} 1.0',
        "dispatch45_gateway_append_lag_seconds_count 2.0",
    ):
        assert line in text, text
    assert "7" not in text.split('"'), "no device in a label"


async def test_the_centre_reads_what_the_gateway_shows_and_to_read_is_to_look(
    gateway: Gateway, centre: Centre
) -> None:
    await centre.register("7")
    await asyncio.sleep(0.2)  # until it listens
    reader, writer = await dial(gateway.ports["trackers"])
    writer.write(b"$B,7,H#")
    await answer(reader)
    await gateway.store.keep_state(gateway.state())
    gateway.window.stranger("8", "a", "beacon", "unknown device", [])
    await gateway.window.write()
    window = RedisDeviceWindow(centre.redis)
    everything = await window.all()
    assert everything.states["7"].online
    assert [one.name for one in everything.strangers] == ["8"]
    assert (await window.one("7")).frames == []
    await asyncio.sleep(0.2)
    await gateway.window.write()
    assert [frame.sent for frame in (await window.one("7")).frames] == [False, True]
    await centre.redis.delete(f"gateway:{gateway.name}")
    assert not (await window.all()).states["7"].online, (
        "a killed gateway cannot say that its devices have gone"
    )
