"""Which base map the settings choose, what a page is told of it, and how the file is handed out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from fastapi.responses import FileResponse, Response

FILE = "basemap.pmtiles"
"""In the installation's data folder."""
ADDRESS = "/basemap/{version}.pmtiles"
Datum = Literal["wgs84", "gcj02"]


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
    """From DISPATCH45_BASEMAP and its companions, which the settings have checked. A file that is not there is no base map."""
    if setting == "none":
        return NO_BASEMAP
    if not setting or setting.endswith(".pmtiles"):
        return Choice(None, Path(setting) if setting else data / FILE)
    return Choice(Basemap("xyz", setting, cast(Datum, datum), attribution), None)


def handed_out(choice: Choice) -> Response:
    """The file; Starlette answers with the bytes that are asked for (RFC 9110, 14) and an ETag."""
    if choice.file is None or not choice.file.is_file():
        return Response(status_code=404)
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return FileResponse(choice.file, media_type="application/vnd.pmtiles", headers=headers)
