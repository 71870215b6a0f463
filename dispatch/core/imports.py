"""The tables that can be imported: the gazetteer and planned outages, row by row; outages go out as they come in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from hashlib import sha256

import shapely

from dispatch.core.csv_rows import Cells, Table, delimiter_of, marked, read_table
from dispatch.core.datum import from_gcj02
from dispatch.core.gazetteer import Entry, folded
from dispatch.core.outage import PlannedOutage
from dispatch.core.types import Point

GAZETTEER = {
    "name": ("address", "name_en", "address_en"),
    "name_zh": ("address_zh",),
    "lat": ("latitude", "lat_wgs84"),
    "lon": ("lng", "longitude", "lon_wgs84"),
    "lat_gcj02": (),
    "lon_gcj02": (),
}
OUTAGES = {
    "id": (),
    "from": ("starts_at", "start"),
    "to": ("ends_at", "end"),
    "reason": (),
    "territory": ("territory_id",),
    "polygon": ("area",),
    "addresses": ("address",),
}
MANY = 20_000
"""Characters of one outage's addresses, one more for each."""
CORNERS = 500
CELL = 3 * MANY
"""Characters of a cell of them: pages and lists put blanks between."""


def read_gazetteer(text: str) -> Table[Entry]:
    """Addresses with their places. Columns lat_gcj02 and lon_gcj02 stand for places of that datum."""
    shifted = "lat_gcj02" in text.split("\n", 1)[0].lower()
    lat, lon = ("lat_gcj02", "lon_gcj02") if shifted else ("lat", "lon")
    seen: dict[tuple[str, str, float, float], int] = {}

    def row(cells: Cells) -> Entry:
        name = cells.text("name", needed=False)
        name_zh = cells.text("name_zh", needed=False)
        if not name and not name_zh:
            cells.wrong("name", "is empty, and so is name_zh", "required")
        place = Point(cells.degrees(lat, 90), cells.degrees(lon, 180))
        place = from_gcj02(place) if shifted and not cells.faults else place
        entry = Entry(name or name_zh, name_zh or name, round(place.lat, 7), round(place.lon, 7))
        known = seen.setdefault((folded(entry.name), folded(entry.name_zh), entry.lat, entry.lon), cells.line)
        if known != cells.line and not cells.faults:
            cells.wrong("name", f"is the same as line {known}", "twice")
        return entry

    wanted = (lat, lon) if _has(text, "name_zh", "address_zh") else ("name", lat, lon)
    return read_table(text, GAZETTEER, wanted, row)


def _has(text: str, *names: str) -> bool:
    header = {
        one.strip().strip('"').lower()
        for one in text.removeprefix("\ufeff").split("\n", 1)[0].split(delimiter_of(text))
    }
    return bool(header & set(names))


def read_outages(
    text: str, zone: tzinfo, territories: frozenset[str], closed: Mapping[str, PlannedOutage] | None = None
) -> Table[PlannedOutage]:
    """Planned outages. An area is one of `territories`, a polygon ("lon lat; lon lat; …"), or addresses ("one | two").

    `closed`: by their ids those that were called off, or are history. A list made before, or elsewhere, does not bring
    one back, nor change what was.
    """
    seen: dict[str, int] = {}

    def row(cells: Cells) -> PlannedOutage:
        outage = outage_of(cells, zone, territories)
        was = (closed or {}).get(outage.id)
        if was and was.called_off_at:
            cells.wrong("id", f"{outage.id} was called off: give it another id", "outage_called_off")
        elif was and not cells.faults and was != outage:
            cells.wrong("id", f"{outage.id} is over: give it another id", "outage_over")
        known = seen.setdefault(outage.id, cells.line)
        if known != cells.line:
            cells.wrong("id", f"is the same as line {known}", "twice")
        return outage

    return read_table(text, OUTAGES, ("from", "to", "reason"), row)


def outage_of(cells: Cells, zone: tzinfo, territories: frozenset[str]) -> PlannedOutage:
    """One outage, of a line or a form; what is wrong is noted in `cells`."""
    starts, ends = cells.instant("from", zone), cells.instant("to", zone)
    if not cells.faults and ends <= starts:
        cells.wrong("to", "is not after from", "ends_first")
    territory = cells.text("territory", needed=False)
    if territory and territory not in territories:
        cells.wrong("territory", f"there is no territory {territory[:40]!r}", "reference")
    polygon = _polygon(cells)
    given = cells.text("addresses", needed=False, longest=CELL).split("|")
    addresses = tuple(one.strip() for one in given if one.strip())
    if sum(len(one) + 1 for one in addresses) > MANY:
        cells.wrong("addresses", f"expected at most {MANY} characters of addresses")
    if not (territory or polygon or addresses) and not cells.faults:
        cells.wrong("territory", "is empty, and so are polygon and addresses: where is it?", "where")
    reason = cells.text("reason")
    called = cells.text("id", needed=False)
    made = sha256(repr((starts, territory, polygon, addresses)).encode()).hexdigest()[:12]
    if len(called) > 64 or not called.isprintable():
        cells.wrong("id", "expected at most 64 printable characters")
    return PlannedOutage(called or f"PO-{made}", starts, ends, reason, territory, polygon, addresses)


def cells_of(outage: PlannedOutage, zone: tzinfo) -> dict[str, str]:
    """The cells that `outage_of` reads this outage from, times in the utility's zone."""
    return {
        "id": outage.id, "from": _local(outage.starts_at, zone), "to": _local(outage.ends_at, zone),
        "reason": outage.reason, "territory": outage.territory,
        "polygon": "; ".join(f"{one.lon!r} {one.lat!r}" for one in outage.polygon),
        "addresses": " | ".join(outage.addresses),
    }  # fmt: skip


def write_outages(outages: Iterable[PlannedOutage], zone: tzinfo) -> str:
    """The list that `read_outages` reads, without those that were called off: they would not be taken again."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(OUTAGES)
    kept = (one for one in outages if one.called_off_at is None)
    writer.writerows([marked(cell) for cell in cells_of(one, zone).values()] for one in kept)
    return out.getvalue()


def _local(at: datetime, zone: tzinfo) -> str:
    """Without an offset, unless the time comes twice that day."""
    there = at.astimezone(zone)
    said = there.replace(tzinfo=None, fold=0)
    unequal = said.replace(tzinfo=zone).astimezone(UTC) != at.astimezone(UTC)
    exact = "minutes" if said.second == said.microsecond == 0 else "auto"
    return (there if unequal else said).isoformat(" ", exact)


def _polygon(cells: Cells) -> tuple[Point, ...]:
    said = cells.text("polygon", needed=False, longest=CELL)
    if not said:
        return ()
    try:
        corners = [tuple(map(float, pair.split())) for pair in said.strip("; ").split(";")]
        found = tuple(Point(lat, lon) for lon, lat in corners)
    except (ValueError, TypeError):
        cells.wrong("polygon", 'expected corners "lon lat; lon lat; lon lat"', "polygon")
        return ()
    if len(set(found)) < 3:
        cells.wrong("polygon", "expected at least three corners", "polygon")
    elif len(found) > CORNERS:
        cells.wrong("polygon", f"expected at most {CORNERS} corners", "polygon")
    elif not (area := shapely.Polygon([(one.lon, one.lat) for one in found])).is_valid:
        cells.wrong("polygon", f"it is no area: {shapely.is_valid_reason(area)}", "polygon")
    return found
