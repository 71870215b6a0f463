"""The speed table that ships with the product, or a utility's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dispatch.core.errors import BadInput
from dispatch.core.speeds import SpeedTable, parse_speeds


def load_speeds(zone: str, file: Path | None = None) -> SpeedTable:
    """Read a speed table; `zone` names the local hours (IANA). None: `dispatch/process/speeds.toml`.

    Raises BadInput naming the file and the key, or saying that it cannot be read.
    """
    if file is None:
        text = files("dispatch").joinpath("process", "speeds.toml").read_text(encoding="utf-8")
        return parse_speeds(text, "speeds.toml", zone)
    try:
        return parse_speeds(file.read_text(encoding="utf-8"), file.name, zone)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from None
