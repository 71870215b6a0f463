"""Who may see which device, and what of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx
import pytest
from redis.asyncio import Redis

from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.adapters.redis.devices import RedisDevices
from dispatch.adapters.redis.server import running
from dispatch.clock import SystemClock
from dispatch.messages import Desired, Misnamed
from dispatch.settings import Settings
from gps_gateway.gateway import Gateway
from tests.dispatch.http.conftest import City
from tests.dispatch.shown_devices import NOW, ShownDevices


@pytest.fixture
def shown(city: City) -> ShownDevices:
    found = cast(ShownDevices, city.services.devices)
    for crew in city.place.context.directory.crews.values():
        for device in crew.devices:
            found.put(device.id, online=crew.id != "W1", rejected=3 if crew.id == "E1" else 0)
    return found


def device_of(city: City, crew: str) -> str:
    return city.place.context.directory.crews[crew].devices[0].id


async def test_a_dispatcher_sees_the_devices_of_its_centre_and_an_administrator_all_and_the_strangers(
    city: City, shown: ShownDevices
) -> None:
    own = (await city.get("dora", "/api/devices")).json()
    assert {one["centre_id"] for one in own["devices"]} == {"east"}
    assert own["strangers"] == []
    everything = (await city.get("ada", "/api/devices")).json()
    assert {one["centre_id"] for one in everything["devices"]} > {"east"}
    assert [one["name"] for one in everything["strangers"]] == ["900000000001"]
    row = next(one for one in everything["devices"] if one["id"] == device_of(city, "E1"))
    assert (row["online"], row["rejected"], row["protocol"]) == (True, 3, "jt808")
    assert row["seen_at"] == "2025-01-02T00:03:01Z"


async def test_one_device_shows_its_frames_and_that_somebody_looks(city: City, shown: ShownDevices) -> None:
    device = device_of(city, "E1")
    found = (await city.get("dora", f"/api/devices/{device}")).json()
    assert [(f["sent"], f["hex"]) for f in found["frames"]][:2] == [(False, "7e020000"), (True, "7e8001")]
    assert found["frames"][0]["meant"][0]["fixes"][0]["lat"] == 30.05
    assert found["reasons"] == {"checksum": 3}
    assert found["shown"] == [{"order_id": "W20250102-0001", "slot": 2, "version": 1, "state": "delivered"}]
    assert shown.looked == [device]


async def test_a_device_of_another_centre_does_not_exist_for_a_dispatcher(
    city: City, shown: ShownDevices
) -> None:
    device = device_of(city, "W1")
    assert (await city.get("dora", f"/api/devices/{device}")).status_code == 404
    assert (await city.get("dora", "/api/devices/900000000001")).status_code == 404
    assert shown.looked == []
    assert (await city.get("ada", f"/api/devices/{device}")).status_code == 200
    stranger = (await city.get("ada", "/api/devices/900000000001")).json()["stranger"]
    assert (stranger["why"], len(stranger["frames"])) == ("unknown device", 3)


@pytest.mark.parametrize("username", ["holly", "carl", "mona"])
@pytest.mark.parametrize("path", ["/api/devices", "/api/devices/900000000001"])
async def test_nobody_else_sees_devices(city: City, username: str, path: str) -> None:
    assert (await city.get(username, path)).status_code == 403
    assert (await (await city.nobody()).get(path)).status_code == 401


async def test_whose_id_was_used_in_another_protocol(city: City, shown: ShownDevices) -> None:
    device = device_of(city, "E1")
    shown.misnamed[device] = Misnamed(device, NOW, "gt06", "10.1.2.3", 2)
    found = (await city.get("dora", f"/api/devices/{device}")).json()
    said = {"at": "2025-01-02T00:03:04Z", "protocol": "gt06", "address": "10.1.2.3", "times": 2}
    assert (found["misnamed"], found["registered"]) == (said, "osmand")
    rows = (await city.get("dora", "/api/devices")).json()["devices"]
    assert {row["id"]: row["misnamed"] for row in rows if row["misnamed"]} == {device: said}


async def test_a_phone_at_a_real_gateway_is_on_its_page(city: City, tmp_path: Path) -> None:
    """From the request to what the page shows, by way of a real Redis."""
    device = device_of(city, "E1")
    with running(tmp_path / "redis", "no") as url:
        redis = Redis.from_url(url)
        services = replace(city.services, devices=RedisDeviceWindow(redis))
        city.app.state.services = services
        await RedisDevices(redis).write_desired(Desired(device, "e", 0, (), "osmand"))
        gateway = Gateway(Settings(redis_url=url, secret="a secret of the tests"), SystemClock(), ports={})
        await gateway.open()
        try:
            await gateway.store.keep_state(gateway.state())
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.ports['osmand']}") as phone:
                for lat in ("39.9", "north"):
                    await phone.get(
                        "/", params={"id": device, "lat": lat, "lon": "116.4", "password": "hunter2"}
                    )
            await gateway.window.write()
            found = (await city.get("dora", f"/api/devices/{device}")).json()
        finally:
            await gateway.close()
            await redis.aclose()
    assert (found["online"], found["protocol"], found["frames_heard"]) == (True, "osmand", 2)
    assert found["reasons"] == {"lat is no number": 1}
    good, thanks, bad, why = found["frames"]
    assert bytes.fromhex(good["hex"]).startswith(
        f"GET /?id={device}&lat=39.9&lon=116.4&password=***\n".encode()
    )
    assert (good["meant"][0]["type"], bad["meant"][0]["type"]) == ("Report", "Rejected")
    assert (thanks["sent"], bytes.fromhex(why["hex"])) == (True, b"400 lat 'north' is no number")
    assert b"hunter2".hex() not in str(found)
