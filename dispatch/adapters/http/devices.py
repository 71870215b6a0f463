"""For who looks after the devices: how each one is, what it says, and who is not known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter

from dispatch.adapters.http.access import Id, Services, Technician
from dispatch.adapters.http.reply import Json
from dispatch.core.errors import NotFound
from dispatch.messages import DeviceState, Doubled, Misnamed, SeenFrame, Shown, Stranger
from dispatch.services import positions
from dispatch.services.people import Person
from dispatch.services.ports import Crew, Device, Directory

router = APIRouter()


@router.get("/api/devices")
async def devices(person: Technician, services: Services) -> Json:
    """Every device of one's centre (an administrator: of all), and for an administrator who is not known."""
    window, now = await services.devices.all(), services.context.clock.now().timestamp()
    rows = [
        {
            **_who(crew, device),
            **_how(window.states.get(device.id), now),
            "doubled": _doubled(window.doubled.get(device.id)),
            "misnamed": _misnamed(window.misnamed.get(device.id)),
        }
        for crew, device in _in_sight(person, services.context.directory)
    ]
    known = services.context.directory
    strangers = [
        _stranger(one, frames=False)
        for one in window.strangers
        if person.role == "admin" and known.crew_of_device(one.name) is None
    ]
    return Json({"devices": rows, "strangers": strangers})


@router.get("/api/devices/{device_id}")
async def device(device_id: Id, person: Technician, services: Services) -> Json:
    """One device with its last frames. To ask is to look: its gateway shows what it says for half a minute."""
    for crew, one in _in_sight(person, services.context.directory):
        if one.id == device_id:
            return await _known(services, crew, one)
    if person.role == "admin":
        for stranger in (await services.devices.all()).strangers:
            if stranger.name == device_id:
                return Json({"id": device_id, "stranger": _stranger(stranger, frames=True)})
    raise NotFound(f"no device {device_id}")


async def _known(services: Services, crew: Crew, one: Device) -> Json:
    seen = await services.devices.one(one.id)
    state = seen.state
    more: dict[str, Any] = {}
    if state is not None:
        more = {
            "address": state.address, "gateway": state.gateway, "since": _time(state.since),
            "frames_heard": state.frames, "resent": state.resent, "receipts": state.receipts,
            "reasons": state.rejected, "defects": state.defects, "status": state.status,
            "status_at": _time(state.status_at),
        }  # fmt: skip
    return Json({
        **_who(crew, one), **_how(state, services.context.clock.now().timestamp()), **more, "doubled": _doubled(seen.doubled),
        "misnamed": _misnamed(seen.misnamed), "registered": one.protocol,
        "position": await positions.last_of(services.tracks, one.id, services.context.clock.now()),
        "frames": [_frame(frame) for frame in seen.frames], "shown": _shown(seen.shown),
        "wanted": [{"order_id": o.order_id, "slot": o.slot, "version": o.version} for o in seen.desired.orders]
        if seen.desired else [],
    })  # fmt: skip


def _in_sight(person: Person, directory: Directory) -> Iterable[tuple[Crew, Device]]:
    """A dispatcher sees the devices of its own centre."""
    for crew in directory.crews.values():
        if person.role == "admin" or crew.centre_id == person.centre_id:
            for one in crew.devices:
                yield crew, one


def _who(crew: Crew, one: Device) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "label": one.label, "crew_id": crew.id, "centre_id": crew.centre_id,
    }  # fmt: skip


def _how(state: DeviceState | None, now: float) -> dict[str, Any]:
    if state is None:
        return {"online": False, "seen_at": None, "fix_at": None, "protocol": "", "rejected": 0}
    return {
        "online": state.online and (state.until is None or now < state.until), "seen_at": _time(state.last_seen), "fix_at": _time(state.fix_time),
        "protocol": state.protocol, "rejected": sum(state.rejected.values()),
    }  # fmt: skip


def _doubled(doubled: Doubled | None) -> dict[str, Any] | None:
    if doubled is None:
        return None
    return {"at": _time(doubled.at), "older": doubled.older, "newer": doubled.newer, "times": doubled.times}


def _misnamed(one: Misnamed | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"at": _time(one.at), "protocol": one.protocol, "address": one.address, "times": one.times}


def _stranger(one: Stranger, *, frames: bool) -> dict[str, Any]:
    found = {
        "name": one.name, "address": one.address, "protocol": one.protocol, "at": _time(one.at), "why": one.why,
        "times": one.times,
    }  # fmt: skip
    return {**found, "frames": [_frame(frame) for frame in one.frames]} if frames else found


def _shown(shown: Shown | None) -> list[dict[str, Any]]:
    orders = shown.orders if shown else ()
    return [{"order_id": o.order_id, "slot": o.slot, "version": o.version, "state": o.state} for o in orders]


def _frame(frame: SeenFrame) -> dict[str, Any]:
    return {
        "at": _time(frame.at), "sent": frame.sent, "hex": frame.raw.hex(),
        "meant": [msgspec.Raw(text.encode()) for text in frame.meant],
    }  # fmt: skip


def _time(seconds: float | None) -> datetime | None:
    """None, too, where a device's clock is beyond every calendar."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
