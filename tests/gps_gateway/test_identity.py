"""Who may come in: unknown devices, one device twice, limits by address, TLS; and what the operators see of it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.messages import (
    LOOK_CHANNEL,
    DeviceState,
    Link,
    SeenFrame,
    Stranger,
    decode_device_state,
    decode_doubled,
    decode_seen_frame,
    decode_strangers,
    devices_key,
    doubled_key,
    frames_key,
    shard,
)
from dispatch.settings import Settings
from gps_gateway.conversation import Conversation
from gps_gateway.door import Bucket, Door
from gps_gateway.gateway import Gateway
from gps_gateway.protocols import PROTOCOLS
from tests.gps_gateway.beacon import BEACON, datagrams, dial
from tests.gps_gateway.conftest import Centre, Open, RealServer
from tests.gps_gateway.raw_terminal import DEVICE, RawTerminal, position

NOBODY: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def beacon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(PROTOCOLS, "beacon", BEACON)
    monkeypatch.setattr("gps_gateway.conversation.ASK_AGAIN", 0.2)
    return


async def answer(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.readuntil(b"#"), 3)


async def strangers(gateway: Gateway, centre: Centre) -> dict[str, Stranger]:
    await gateway.window.write()
    raw = await centre.redis.get(f"strangers:{gateway.name}")
    assert isinstance(raw, bytes)
    return {stranger.name: stranger for stranger in decode_strangers(raw)}


async def frames(gateway: Gateway, centre: Centre, device: str) -> list[SeenFrame]:
    await gateway.window.write()
    found = await centre.redis.lrange(frames_key(device), 0, -1)
    return [decode_seen_frame(raw) for raw in found if isinstance(raw, bytes)]


async def state(gateway: Gateway, centre: Centre, device: str) -> DeviceState:
    await gateway.window.write()
    raw = await centre.redis.hget(devices_key(shard(device)), device)
    assert isinstance(raw, bytes)
    return decode_device_state(raw)


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


# -- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with cert.pem and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificate(folder, "20200101", "20450101")
    return folder


AUTHORITY = """[ca]
default_ca=itself
[itself]
database=index.txt
new_certs_dir=.
serial=serial
default_md=sha256
policy=any
[any]
commonName=supplied
"""


def make_certificate(folder: Path, first: str, last: str) -> None:
    """Signed by itself, of these days (YYYYMMDD)."""
    (folder / "ca.cnf").write_text(AUTHORITY)
    (folder / "index.txt").touch()
    ask = "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem"
    sign = "ca -batch -notext -selfsign -config ca.cnf -create_serial -keyfile key.pem -in request.pem -out cert.pem"
    for command in (
        f"{ask} -subj /CN=gateway.test",
        f"{sign} -startdate {first}000000Z -enddate {last}000000Z",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def tls(folder: Path) -> dict[str, str]:
    return {"tls_cert": str(folder / "cert.pem"), "tls_key": str(folder / "key.pem")}


async def test_every_tcp_port_speaks_tls_with_the_same_promises(
    open_gateway: Open, centre: Centre, server: RealServer, certificate: Path
) -> None:
    await centre.register("7")
    gateway = await open_gateway(**tls(certificate))
    trust = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    trust.check_hostname = False
    for name in ("trackers", "jt808", "osmand"):
        _, writer = await dial(gateway.ports[name], trust)
        assert writer.get_extra_info("cipher")
    reader, writer = await dial(gateway.ports["trackers"], trust)
    writer.write(b"$B,7,H#")
    assert await answer(reader) == b"+7,H#"
    server.stop()
    writer.write(b"$B,7,P,1735776184,39.9,116.4#")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.readuntil(b"#"), 0.3)
    server.start()
    assert await answer(reader) == b"+7,P,1735776184,39.9,116.4#"


async def test_tls_may_be_for_some_ports_only(open_gateway: Open, centre: Centre, certificate: Path) -> None:
    gateway = await open_gateway(**tls(certificate), tls_ports="trackers")
    async with RawTerminal(gateway.ports["jt808"]) as terminal:
        await terminal.login()


def test_a_certificate_that_cannot_be_used_is_named_with_its_reason(
    tmp_path: Path, certificate: Path
) -> None:
    make_certificate(tmp_path, "20200101", "20200102")
    (tmp_path / "text.pem").write_text("nothing")
    good = tls(certificate)
    for settings, message in (
        ({"tls_cert": good["tls_cert"]}, "DISPATCH45_TLS_KEY is empty"),
        ({**good, "tls_key": "/nowhere/key.pem"}, "DISPATCH45_TLS_KEY: /nowhere/key.pem cannot be read"),
        ({**good, "tls_cert": str(tmp_path / "text.pem")}, "no certificate with its key"),
        ({**good, "tls_key": str(tmp_path / "key.pem")}, "no certificate with its key"),
        (tls(tmp_path), "the certificate in .* has expired"),
        ({**good, "tls_ports": "web"}, "TLS_PORTS: found web, expected some of"),
    ):
        with pytest.raises(BadInput, match=message):
            Gateway(Settings(redis_url="redis://127.0.0.1:1", secret="s", **settings), SystemClock())  # type: ignore[arg-type]


# -- what the operators see


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
