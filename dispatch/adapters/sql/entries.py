"""The organisation's document (what `replace_organisation` takes) and changes of single entries of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from typing import Any, Literal, cast

from dispatch.adapters.sql import on_call
from dispatch.core.errors import BadInput
from dispatch.services.ports import Crew, Directory

Kind = Literal["centres", "departments", "crews", "devices", "on_call"]
Document = dict[str, Any]
Entry = dict[str, Any]
LISTS = ("centres", "departments", "crews")
PHONE_SPEAKS = "osmand"
_PHONES = ("phone",)
"""Ends of the names of fields whose values are shortened wherever they are noted."""


def document(directory: Directory) -> Document:
    """The organisation as a file that can be put in place."""
    return {
        "centres": [asdict(one) for one in directory.centres.values()],
        "departments": [asdict(one) for one in directory.departments.values()],
        "crews": [_crew(one) for one in directory.crews.values()],
        "on_call": on_call.document(directory.on_call),
    }


def _crew(one: Crew) -> Entry:
    entry: Entry = {
        k: getattr(one, k)
        for k in (
            "id", "name", "name_zh", "department_id", "centre_id", "trade", "duty_phone", "capacity",
            "shift_start", "shift_end",
        )
    }  # fmt: skip
    entry |= {"base": {"lat": one.base_lat, "lon": one.base_lon}, "shares_office": one.same_office}
    for device in one.devices:
        if device.kind == "terminal":
            entry["vehicle"] = {"device": device.id, "plate": device.label, "protocol": device.protocol}
        else:
            entry["phone_device"] = device.id
    return entry


def entries(of: Document, kind: Kind) -> list[Entry]:
    """All entries of a kind; devices are those of all crews."""
    if kind != "devices":
        return cast(list[Entry], of[kind])
    found = []
    for crew in of["crews"]:
        vehicle = crew.get("vehicle") or {}
        if vehicle.get("device"):
            found.append(
                _device(vehicle["device"], "terminal", vehicle["plate"], vehicle["protocol"], crew["id"])
            )
        if crew.get("phone_device"):
            found.append(_device(crew["phone_device"], "phone", "", PHONE_SPEAKS, crew["id"]))
    return found


def _device(name: str, kind: str, label: str, protocol: str, crew_id: str) -> Entry:
    return {"id": name, "kind": kind, "label": label, "protocol": protocol, "crew_id": crew_id}


def entry(of: Document, kind: Kind, entry_id: str) -> Entry | None:
    """One entry by its id; on call: by its number, from 1."""
    if kind == "on_call":
        return dict(enumerate(of[kind], 1)).get(int(entry_id)) if entry_id.isdecimal() else None
    return next((one for one in entries(of, kind) if one["id"] == entry_id), None)


def changed(of: Document, kind: Kind, entry_id: str, new: Mapping[str, Any] | None) -> Document:
    """The document with one entry added, otherwise, or (None) gone. Raises BadInput."""
    after = deepcopy(of)
    if kind == "devices":
        _bind(after, entry_id, new)
        return after
    before = entry(after, kind, entry_id)
    listed = after[kind]
    if new is None:
        after[kind] = [one for one in listed if one is not before]
        return after
    fresh = dict(new) if kind == "on_call" else {**new, "id": entry_id}
    after[kind] = [fresh if one is before else one for one in listed]
    if before is None:
        after[kind].append(fresh)
    return after


def _bind(of: Document, device: str, new: Mapping[str, Any] | None) -> None:
    """Take a device from the crew that has it, and give it to another one, or back with other facts."""
    for crew in of["crews"]:
        if (crew.get("vehicle") or {}).get("device") == device:
            crew["vehicle"] = {}
        if crew.get("phone_device") == device:
            crew["phone_device"] = ""
    if new is None:
        return
    crew_id, kind = str(new.get("crew_id") or ""), new.get("kind")
    crew = next((one for one in of["crews"] if one["id"] == crew_id), None)
    if crew is None:
        raise BadInput(f"device {device}: there is no crew {crew_id!r}", field="crew_id")
    if kind not in {"terminal", "phone"}:
        raise BadInput(f"device {device}: expected a terminal or a phone, found {kind!r}", field="kind")
    has = (crew.get("vehicle") or {}).get("device") if kind == "terminal" else crew.get("phone_device")
    if has:
        raise BadInput(
            f"device {device}: crew {crew_id} has the {kind} {has}: take that away first", field="crew_id",
            why="has_device", device=has,
        )  # fmt: skip
    if kind == "phone":
        crew["phone_device"] = device
    else:
        crew["vehicle"] = {
            "device": device, "plate": str(new.get("label") or ""), "protocol": str(new.get("protocol") or "")
        }  # fmt: skip


def said(before: Entry | None, after: Entry | None) -> dict[str, Any]:
    """What an entry was and is now, for the audit trail, where nothing can be taken out again: of telephone numbers
    the last digits only."""
    was, now = before or {}, after or {}
    return {
        name: [_short(name, was.get(name)), _short(name, now.get(name))]
        for name in dict.fromkeys([*was, *now])
        if was.get(name) != now.get(name)
    }


def _short(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _short(k, v) for k, v in value.items()}
    return f"…{value[-4:]}" if isinstance(value, str) and value and name.endswith(_PHONES) else value
