"""Who may see which device, and what of it."""

from __future__ import annotations

from typing import cast

import pytest

from tests.dispatch.http.conftest import City
from tests.dispatch.shown_devices import ShownDevices


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
