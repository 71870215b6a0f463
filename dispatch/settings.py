"""One frozen `Settings`, read by bootstrap (and each process's entry) only.

Every value has an environment variable `DISPATCH45_<NAME>`; `DATABASE_URL` and `REDIS_URL` are also
read under their usual names. `up` passes its own choices to the processes that it starts this way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dispatch.core.errors import BadInput

DEFAULT_PORT = 8045
NAVIGATION = ("geo", "amap", "baidu", "google")
DATUMS = ("wgs84", "gcj02")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation can choose. Ports follow `port`: page, +1 live, +2 JT/T 808, +3 OsmAnd,
    +4 the telephone (or the demonstration's exchange), +5 trackers (TCP and UDP), +6 the gateway's metrics (loopback only), +7 OwnTracks,
    +8 JT/T 905."""

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
    """The telephone: `sip:user@exchange`, `twilio:https://…`, or an exchange with our own REST interface `http://…`
    (docs/telephone.md); empty: no phone channel, and pages say so."""
    phone_password: str = field(default="", repr=False)
    """Of the account at the exchange, or the provider's token; never written into a log."""
    phone_local: str = "127.0.0.1"
    """The address of this machine that the SIP exchange sends to."""
    phone_lines: int = 30
    """SIP calls at once that the exchange lets us make."""
    alert_urls: str = ""
    """Apprise addresses by role, e.g. `hotline=json://host/path manager=mailto://…`: taken in as recipients whenever
    they have changed; from then on administrators change them in the pages (docs/alerts.md)."""
    public_url: str = ""
    """Where people reach the pages, e.g. `https://dispatch.example`: alerts link to their orders (empty: no links), and a
    telephone provider finds us there."""
    clock: str = ""
    """`real_epoch virtual_epoch speed` of a scaled clock (ISO 8601); empty: the machine's time."""
    time_mark: str = ""
    """Where the installation's real time stood when it was started, for processes that do not read the database."""
    auditor_urls: str = ""
    """Apprise addresses that the auditor alarms, separated by spaces; they should not share a way with `alert_urls`."""
    heartbeat_url: str = ""
    """Asked for (GET) every 30 s while the auditor finds nothing: monitoring outside alarms when that stops."""
    fsync: str = "always"
    """Of the Redis server that the program supervises: always or everysec; docs/gateway.md says what each can lose."""
    match_every: float = 3.0
    """Seconds between two batches of automatic dispatch."""
    keep_positions_days: int = 90
    """Days for which the position history is kept; 0: for ever. docs/positions.md."""
    language: str = "zh-CN"
    """What terminals and telephone prompts speak: zh-CN or en."""
    policy: str = "risk"
    """Automatic dispatch: risk, mean, nearest, or manual."""
    mqtt_url: str = ""
    """The broker that OwnTracks phones publish to, `mqtt[s]://user:password@host:port`; empty: none."""
    protocol_ports: str = ""
    """Ports of their own for device protocols, e.g. `gt06=5023,h02=5013`."""
    checksums: str = ""
    """What becomes of packets with a wrong checksum, by protocol: `gt06=strict` (default: accept and count)."""
    unknown_devices: str = "refuse"
    """refuse, or quarantine: kept on the line unanswered and listed, until an administrator registers them."""
    share_ports: bool = False
    """Several gateway processes on the same ports (SO_REUSEPORT)."""
    metrics_port: int = 0
    """0: `port` + 6. A second gateway on one machine needs another."""
    idle_timeout: float = 300.0
    """Seconds of silence after which a device is hung up."""
    connections_per_address: int = 2000
    attempts_per_minute: int = 1000
    """New connections of one address; this machine's own address is not limited. 0: no limit."""
    frames_per_second: int = 1000
    """Of one connection, in the mean of a few seconds; a faster one is read more slowly. 0: no limit."""
    tls_cert: str = ""
    """PEM file with the certificate chain for devices; with `tls_key`, empty: no TLS."""
    tls_key: str = ""
    tls_ports: str = ""
    """Which TCP ports speak TLS then, e.g. `trackers,osmand`; empty: all that devices talk to."""
    navigation: str = "geo"
    """What the crew's "Navigate" opens: geo (whatever map the phone has), amap, baidu or google."""
    basemap: str = ""
    """Under everything on a map (docs/base-map.md): empty: `data/basemap.pmtiles` if it is there; a .pmtiles file; `none`; or
    the address of the utility's tiles, `https://host/{z}/{x}/{y}.png`."""
    basemap_datum: str = "wgs84"
    """The coordinates that those tiles are drawn in: wgs84 or gcj02."""
    basemap_attribution: str = ""
    """Whose map it is, shown in its corner (tiles of an address)."""
    demo: bool = False
    by_hand: str = ""
    """User names of the demonstration, separated by commas, whose work its simulators leave to you."""

    def __post_init__(self) -> None:
        if self.navigation not in NAVIGATION:
            raise BadInput(
                f"DISPATCH45_NAVIGATION={self.navigation!r}: expected one of {', '.join(NAVIGATION)}"
            )

        _check_basemap(self.basemap, self.basemap_datum)

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
    def owntracks_port(self) -> int:
        return self.port + 7

    @property
    def jt905_port(self) -> int:
        """Of taxis' terminals: their frames begin like JT/T 808's, so they cannot share a port with them."""
        return self.port + 8

    @property
    def phone_port(self) -> int:
        """Of the telephone process, or of the simulated exchange in a demonstration."""
        return self.port + 4

    @property
    def trackers_port(self) -> int:
        """Shared by all protocols without a port of their own, over TCP and UDP."""
        return self.port + 5

    @property
    def prometheus_port(self) -> int:
        return self.metrics_port or self.port + 6


_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?")


def _check_basemap(setting: str, datum: str) -> None:
    """Raises BadInput: an address of tiles is of this very host (`/tiles/…`) or of one other, for it goes into the pages' policy."""
    if datum not in DATUMS:
        raise BadInput(f"DISPATCH45_BASEMAP_DATUM={datum!r}: expected one of {', '.join(DATUMS)}")
    if setting in {"", "none"} or setting.endswith(".pmtiles"):
        if datum != "wgs84":
            raise BadInput(
                "DISPATCH45_BASEMAP_DATUM=gcj02 is for tiles of an address: a file of ours is WGS-84"
            )
        return
    said = f"DISPATCH45_BASEMAP={setting!r}: "
    if sorted(re.findall(r"\{([^}]*)\}", setting)) not in (["x", "y", "z"], ["-y", "x", "z"]):
        raise BadInput(
            f"{said}expected a .pmtiles file, 'none', or an address with {{z}}, {{x}} and {{y}} (or {{-y}})"
        )
    address = urlsplit(setting)
    ours = setting.startswith("/") and not address.netloc
    if not ours and (address.scheme not in {"http", "https"} or not _HOST.fullmatch(address.netloc)):
        raise BadInput(
            f"{said}expected https://host/… or /…, with one host that has no placeholder, name or password"
        )


_USUAL_NAMES = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL"}


def wants_own_telephone(settings: Settings) -> bool:
    """Whether a telephone process of our own runs, rather than an exchange with our REST interface."""
    return bool(settings.phone_url) and not settings.phone_url.startswith(("http://", "https://"))


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process. Raises BadInput naming the variable that cannot be used."""
    values: dict[str, Any] = {}
    for one in fields(Settings):
        name = f"DISPATCH45_{one.name.upper()}"
        raw = environment.get(name) or environment.get(_USUAL_NAMES.get(one.name, ""))
        if raw is not None:
            values[one.name] = _parse(name, raw, Path if isinstance(one.default, Path) else type(one.default))
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
