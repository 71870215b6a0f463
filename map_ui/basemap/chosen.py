"""Which base map the settings choose, what a page is told of it, and how the file is handed out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from fastapi.responses import FileResponse, Response

from dispatch.core.errors import BadInput

FILE = "basemap.pmtiles"
"""In the installation's data folder."""
ADDRESS = "/basemap/{version}.pmtiles"
NONE = "none"
Datum = Literal["wgs84", "gcj02"]
DATUMS = ("wgs84", "gcj02")
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Basemap:
    """As a page is told: `kind` none, pmtiles or xyz, its address, and the coordinates that its tiles are drawn in."""

    kind: Literal["none", "pmtiles", "xyz"] = "none"
    url: str = ""
    datum: Datum = "wgs84"
    attribution: str = ""

    @property
    def host(self) -> str:
        """The one foreign host that pages may fetch pictures from, as a source expression; empty: none."""
        address = urlsplit(self.url)
        return f"{address.scheme}://{address.netloc}" if address.netloc else ""


NOTHING = Basemap()


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that can be used; the file is looked for anew for each page, for it may be built meanwhile."""

    tiles: Basemap | None
    file: Path | None

    def now(self) -> Basemap:
        """What a page shows that is opened now."""
        if self.tiles is not None:
            return self.tiles
        try:
            found = self.file.stat() if self.file else None
        except OSError:
            found = None
        if found is None:
            return NOTHING
        url = ADDRESS.format(version=f"{found.st_mtime_ns:x}-{found.st_size:x}")
        return Basemap("pmtiles", url, attribution="© OpenStreetMap")


NO_BASEMAP = Choice(NOTHING, None)


def choose(setting: str, datum: str, attribution: str, data: Path) -> Choice:
    """From DISPATCH45_BASEMAP and its companions. Raises BadInput naming the one that cannot be used."""
    if datum not in DATUMS:
        raise BadInput(f"DISPATCH45_BASEMAP_DATUM={datum!r}: expected one of {', '.join(DATUMS)}")
    if setting == NONE:
        return NO_BASEMAP
    if not setting or setting.endswith(".pmtiles"):
        file = Path(setting) if setting else data / FILE
        if setting and not file.is_file():
            raise BadInput(f"DISPATCH45_BASEMAP={setting!r}: there is no such file")
        if datum != "wgs84":
            raise BadInput(
                "DISPATCH45_BASEMAP_DATUM=gcj02 is for tiles of an address: a file of ours is WGS-84"
            )
        return Choice(None, file)
    _checked(setting)
    return Choice(Basemap("xyz", setting, cast(Datum, datum), attribution), None)


def _checked(setting: str) -> None:
    """An address of tiles: of this very host (`/tiles/…`) or of one other, with one place for each number."""
    said = f"DISPATCH45_BASEMAP={setting!r}: "
    found = sorted(_PLACEHOLDER.findall(setting))
    if found not in (["x", "y", "z"], ["-y", "x", "z"]):
        raise BadInput(
            f"{said}expected a .pmtiles file, 'none', or an address with {{z}}, {{x}} and {{y}} (or {{-y}})"
        )
    address = urlsplit(setting)
    ours = setting.startswith("/") and not address.netloc
    if not ours and (address.scheme not in {"http", "https"} or not _HOST.fullmatch(address.netloc)):
        raise BadInput(
            f"{said}expected https://host/… or /…, with one host that has no placeholder, name or password"
        )


def handed_out(choice: Choice) -> Response:
    """The file; Starlette answers with the bytes that are asked for (RFC 9110, 14) and an ETag."""
    if choice.file is None or not choice.file.is_file():
        return Response(status_code=404)
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(choice.file, media_type="application/vnd.pmtiles", headers=headers)
