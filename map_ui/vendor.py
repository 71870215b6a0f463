"""Other people's files that the pages bring along, and the table that replaces folium's CDN addresses.

`static/vendor/vendor.lock.toml` names each library with its licence and the sha256 of every file.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

STATIC = Path(__file__).parent / "static"
VENDOR = STATIC / "vendor"
LOCK = VENDOR / "vendor.lock.toml"

FOLIUM_FILES = {
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.js": "vendor/leaflet/leaflet.js",
    "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css": "vendor/leaflet/leaflet.css",
    "https://cdn.jsdelivr.net/gh/python-visualization/folium@main/folium/templates/leaflet_heat.min.js": "vendor/leaflet-heat/leaflet-heat.js",
    "https://unpkg.com/protomaps-leaflet@5.1.0/dist/protomaps-leaflet.js": "vendor/protomaps-leaflet/protomaps-leaflet.js",
}
"""What folium, or a layer of ours, would load from elsewhere -> our file under static/ (the same library, at the locked version)."""


class UnknownVendorAddress(LookupError):
    """A map part asks for a file that is not vendored: vendor it and add it to the table."""


@dataclass(frozen=True, slots=True)
class Library:
    """One vendored library. `files` maps a path under static/vendor to the sha256 of its bytes."""

    name: str
    version: str
    licence: str
    files: dict[str, str]


def libraries(lock: Path = LOCK) -> tuple[Library, ...]:
    """What the lock file names."""
    read = tomllib.loads(lock.read_text(encoding="utf-8"))
    return tuple(
        Library(one["name"], one["version"], one["licence"], one["files"]) for one in read["library"]
    )


def local(url: str) -> str:
    """Our file for one of folium's addresses. Raises UnknownVendorAddress."""
    try:
        return FOLIUM_FILES[url]
    except KeyError:
        raise UnknownVendorAddress(f"{url} is not vendored (map_ui/vendor.py)") from None


def differences(lock: Path = LOCK) -> list[str]:
    """What does not agree between the lock and the folder; empty when all is well."""
    locked = {path: digest for one in libraries(lock) for path, digest in one.files.items()}
    here = {
        file.relative_to(lock.parent).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in lock.parent.rglob("*")
        if file.is_file() and file != lock
    }
    missing = [f"{path}: locked, but not here" for path in sorted(locked.keys() - here.keys())]
    extra = [f"{path}: here, but not locked" for path in sorted(here.keys() - locked.keys())]
    changed = [
        f"{path}: changed" for path in sorted(locked.keys() & here.keys()) if locked[path] != here[path]
    ]
    return missing + extra + changed
