"""One frozen `Settings`, read by bootstrap (and each process's entry) only.

Every value has an environment variable `DISPATCH45_<NAME>`; `DATABASE_URL` and `REDIS_URL` are also
read under their usual names. `up` passes its own choices to the processes that it starts this way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dispatch.core.errors import BadInput

DEFAULT_PORT = 8045


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation can choose. Ports follow `port`: page, +1 live, +2 JT/T 808, +3 OsmAnd, +8 JT/T 905."""

    data: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    database_url: str = ""
    """Empty: SQLite in `data`."""
    redis_url: str = ""
    """Empty: a server that the program supervises itself, on a socket in `data`."""
    secret: str = ""
    """Signs sessions, device codes and callbacks; made once and kept in `data/secret` where empty."""
    process_file: str = ""
    """Empty: the fault repair process that ships with the product."""
    roads: str = ""
    """Folder with road_nodes.csv and road_edges.csv; empty: `data/city` if it has them."""
    timezone: str = "Asia/Shanghai"
    """The utility's zone: what pages show and days are counted in."""
    phone_url: str = ""
    """The telephone exchange's address; empty: no phone channel, and pages say so."""
    alert_urls: str = ""
    """Apprise addresses for alerts by role, e.g. `hotline=json://host/path manager=mailto://…`."""
    clock: str = ""
    """`real_epoch virtual_epoch speed` of a scaled clock (ISO 8601); empty: the machine's time."""
    fsync: str = "always"
    """Redis append-only policy: always or everysec."""
    match_every: float = 3.0
    """Seconds between two batches of automatic dispatch."""
    language: str = "zh-CN"
    """What terminals and telephone prompts speak: zh-CN or en."""
    policy: str = "risk"
    """Automatic dispatch: risk, mean, nearest, or manual."""
    demo: bool = False
    by_hand: str = ""
    """User names of the demonstration, separated by commas, whose work its simulators leave to you."""

    @property
    def live_port(self) -> int:
        return self.port + 1

    @property
    def jt808_port(self) -> int:
        return self.port + 2

    @property
    def osmand_port(self) -> int:
        return self.port + 3

    @property
    def jt905_port(self) -> int:
        """Of taxis' terminals: their frames begin like JT/T 808's, so they cannot share a port with them."""
        return self.port + 8

    @property
    def phone_port(self) -> int:
        """Of the simulated telephone exchange, in a demonstration."""
        return self.port + 4


_USUAL_NAMES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process. Raises BadInput naming the variable that cannot be used."""
    values: dict[str, Any] = {}
    for field in fields(Settings):
        name = f"DISPATCH45_{field.name.upper()}"
        raw = environment.get(name) or environment.get(_USUAL_NAMES.get(field.name, ""))
        if raw is not None:
            values[field.name] = _parse(
                name, raw, Path if isinstance(field.default, Path) else type(field.default)
            )
    return Settings(**values)


def to_environment(settings: Settings) -> dict[str, str]:
    """The same settings as environment variables, for a child process."""
    return {f"DISPATCH45_{f.name.upper()}": str(getattr(settings, f.name)) for f in fields(settings)}


def _parse(name: str, raw: str, kind: Callable[[str], object]) -> object:
    if kind is bool:
        return raw.strip().lower() in {"1", "true", "yes", "on"}
    try:
        return kind(raw)
    except ValueError:
        raise BadInput(f"{name}={raw!r}: expected {getattr(kind, '__name__', kind)}") from None
