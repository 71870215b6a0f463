"""OwnTracks over a real MQTT broker: nothing is acknowledged to it before it is stored, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import aiomqtt
import pytest

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput
from dispatch.messages import Desired, Position, desired_key, encode
from dispatch.settings import Settings
from gps_gateway.gateway import Gateway
from tests.gps_gateway.conftest import Centre, RealServer

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_broker = pytest.mark.skipif(MOSQUITTO is None, reason="no MQTT broker here: apt-get install mosquitto")

PHONE = "zhang/phone"
TOPIC = f"owntracks/{PHONE}"


class Broker:
    """A real one, which a test can kill and start again; it keeps its sessions in a file."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        folder.mkdir()
        folder.chmod(0o777)
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = SystemClock.monotonic() + 10
        while SystemClock.monotonic() < deadline:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        raise AssertionError("the broker does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    real = Broker(tmp_path / "broker")
    real.start()
    yield real
    real.stop()


Open = Callable[[], Awaitable[Gateway]]


@pytest.fixture
async def open_gateway(server: RealServer, centre: Centre, broker: Broker) -> AsyncIterator[Open]:
    await centre.redis.set(desired_key(PHONE), encode(Desired(PHONE, "e1", 1)))
    opened: list[Gateway] = []

    async def open_one() -> Gateway:
        settings = Settings(redis_url=server.url, secret="a secret of the tests", mqtt_url=broker.url)
        ports = {"jt808": 0, "osmand": 0, "owntracks": 0}
        gateway = Gateway(settings, SystemClock(), ports=ports, last_flush=0.2)
        opened.append(gateway)
        await gateway.open()
        await until(lambda: subscribed(gateway))
        return gateway

    yield open_one
    for gateway in opened:
        await gateway.close()


def subscribed(gateway: Gateway) -> bool:
    return gateway._subscriber is not None and gateway._subscriber.connected


async def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = SystemClock.monotonic() + seconds
    while not true():
        assert SystemClock.monotonic() < deadline
        await asyncio.sleep(0.02)


async def stored(centre: Centre, count: int) -> list[Position]:
    deadline = SystemClock.monotonic() + 15
    while len(found := await centre.positions()) < count:
        assert SystemClock.monotonic() < deadline, found
        await asyncio.sleep(0.05)
    return found


async def publish(broker: Broker, *instants: int, topic: str = TOPIC, **more: object) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as phone:
        for instant in instants:
            message = {"_type": "location", "lat": 39.9, "lon": 116.4, "tst": instant, **more}
            await phone.publish(topic, json.dumps(message), qos=1)


@needs_broker
async def test_a_published_position_is_stored(open_gateway: Open, broker: Broker, centre: Centre) -> None:
    await open_gateway()
    await publish(broker, 1735776184)
    (position,) = await stored(centre, 1)
    assert (position.device, position.protocol, position.fix_time) == (PHONE, "owntracks", 1735776184)


@needs_broker
async def test_a_stranger_and_what_cannot_be_read_do_not_hold_up_the_others(
    open_gateway: Open, broker: Broker, centre: Centre
) -> None:
    gateway = await open_gateway()
    await publish(broker, 1, topic="owntracks/li/tablet")
    await publish(broker, 2, lat="north")
    await publish(broker, 3, _type="waypoint")
    await publish(broker, 4, topic=f"{TOPIC}/event", _type="transition", event="enter", desc="depot")
    (position,) = await stored(centre, 1)
    assert position.attributes == {"alarm": "geofence_enter", "event": "enter depot"}
    assert (gateway.counts.refused, gateway.counts.rejected) == (1, 1)


@needs_broker
async def test_its_messages_rejects_and_what_is_not_its_protocol_are_shown(
    open_gateway: Open, broker: Broker, centre: Centre
) -> None:
    gateway = await open_gateway()
    terminal = "li/terminal"
    await centre.redis.set(desired_key(terminal), encode(Desired(terminal, "e1", 1, (), "jt808")))
    await publish(broker, 1, topic=f"owntracks/{terminal}")
    await publish(broker, 2, lat="north", password="hunter2")
    await publish(broker, 3)
    await stored(centre, 1)
    await gateway.window.write()
    window = RedisDeviceWindow(centre.redis)
    seen = await window.one(PHONE)
    assert seen.state is not None
    assert (seen.state.protocol, seen.state.frames, seen.state.fix_time) == ("owntracks", 2, 3.0)
    assert seen.state.rejected == {"lat and lon are no place in WGS-84 degrees": 1}
    assert seen.frames[0].raw.startswith(TOPIC.encode() + b"\n{")
    assert b"hunter2" not in seen.frames[0].raw
    other = await window.one(terminal)
    assert other.misnamed is not None
    assert (other.misnamed.protocol, other.misnamed.times) == ("owntracks", 1)
    assert gateway.counts.refusals == {"wrong protocol": 1}


@needs_broker
async def test_what_was_not_stored_is_not_acknowledged_and_comes_again(
    open_gateway: Open, broker: Broker, centre: Centre, server: RealServer
) -> None:
    gateway = await open_gateway()
    server.stop()
    await publish(broker, 10, 11)
    await until(lambda: gateway.counts.withheld > 0)
    await gateway.close()
    server.start()
    assert await centre.positions() == []
    await open_gateway()
    found = await stored(centre, 2)
    assert [position.fix_time for position in found] == [10, 11]


@needs_broker
async def test_what_was_stored_was_acknowledged_and_does_not_come_again(
    open_gateway: Open, broker: Broker, centre: Centre
) -> None:
    gateway = await open_gateway()
    await publish(broker, 20)
    await stored(centre, 1)
    await gateway.close()
    await publish(broker, 21)  # nobody is there: the broker keeps it
    await open_gateway()
    assert sorted(position.fix_time for position in await stored(centre, 2)) == [20, 21]


@needs_broker
async def test_a_broker_that_went_away_is_found_again(
    open_gateway: Open, broker: Broker, centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await open_gateway()
    with caplog.at_level(logging.WARNING):
        broker.stop()
        await until(lambda: not subscribed(gateway))
        broker.start()
        await until(lambda: subscribed(gateway))
    assert "no MQTT broker" in caplog.text
    await publish(broker, 30)
    assert [position.fix_time for position in await stored(centre, 1)] == [30]


def test_an_address_that_is_none_is_refused_at_the_start() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1", secret="a secret", mqtt_url="broker.example:1883")

    async def make() -> None:
        Gateway(settings, SystemClock())

    with pytest.raises(BadInput, match="DISPATCH45_MQTT_URL"):
        asyncio.run(make())
