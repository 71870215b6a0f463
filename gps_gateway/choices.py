"""What an installation chooses by protocol, read from its settings. Raises BadInput saying what was expected."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import cast

from dispatch.core.errors import BadInput
from dispatch.settings import Settings
from gps_gateway.codec import Checksum
from gps_gateway.protocols import PROTOCOLS, Stream

TRACKERS = "trackers"
"""The name of the shared port, beside the protocols' own."""

METRICS = "metrics"
"""The name of the port where Prometheus asks."""

CHECKSUMS = ("accept", "strict")
UNKNOWN_DEVICES = ("refuse", "quarantine")


def own_ports(settings: Settings) -> dict[str, int]:
    """Ports of their own by protocol, as the setting `protocol_ports` has them."""
    found: dict[str, int] = {}
    for name, value in _pairs("DISPATCH45_PROTOCOL_PORTS", settings.protocol_ports, PROTOCOLS):
        if not value.isdecimal() or not int(value) < 65536:
            raise BadInput(
                f"DISPATCH45_PROTOCOL_PORTS: found {name}={value}, expected a port number, e.g. {name}=5023"
            )
        found[name] = int(value)
    return found


def checksums(settings: Settings) -> dict[str, Checksum]:
    """Strictness by protocol; one that is not named accepts and counts."""
    found: dict[str, Checksum] = {}
    streams = [name for name, protocol in PROTOCOLS.items() if isinstance(protocol, Stream)]
    for name, value in _pairs("DISPATCH45_CHECKSUMS", settings.checksums, streams):
        if value not in CHECKSUMS:
            raise BadInput(f"DISPATCH45_CHECKSUMS: found {name}={value}, expected {' or '.join(CHECKSUMS)}")
        found[name] = cast(Checksum, value)
    return found


def quarantines(settings: Settings) -> bool:
    """Whether unknown devices are kept on the line instead of refused."""
    if settings.unknown_devices not in UNKNOWN_DEVICES:
        raise BadInput(
            f"DISPATCH45_UNKNOWN_DEVICES: found {settings.unknown_devices},"
            f" expected {' or '.join(UNKNOWN_DEVICES)}"
        )
    return settings.unknown_devices == "quarantine"


def tls_ports(settings: Settings) -> frozenset[str]:
    """Names of the TCP ports that speak TLS."""
    if not settings.tls_cert and not settings.tls_key:
        return frozenset()
    everything = {*PROTOCOLS, TRACKERS}
    named = {name.strip() for name in settings.tls_ports.split(",") if name.strip()}
    if unknown := named - everything:
        raise BadInput(
            f"DISPATCH45_TLS_PORTS: found {', '.join(sorted(unknown))},"
            f" expected some of {', '.join(sorted(everything))}"
        )
    return frozenset(named or everything)


def _pairs(variable: str, text: str, names: Collection[str]) -> Iterator[tuple[str, str]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in names:
            raise BadInput(
                f"{variable}: found {part!r}, expected protocol=value with one of {', '.join(sorted(names))}"
            )
        yield name, value
