"""Every port of the gateway: a protocol's own, the shared one over TCP and UDP, and those that speak HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from dispatch.settings import Settings
from gps_gateway.choices import TRACKERS, own_ports, tls_ports
from gps_gateway.connection import Connection, Recognise
from gps_gateway.datagrams import Datagrams
from gps_gateway.house import House
from gps_gateway.http import Endpoint, Route
from gps_gateway.protocols import PROTOCOLS, Stream
from gps_gateway.tls import certificate_of

log = logging.getLogger(__name__)

HANDSHAKE = 10.0
"""Real seconds that a TLS handshake may take."""


class Listening:
    """`ports` says where each protocol (and `trackers`) really listens, once `open` has returned.

    `wanted` overrides the settings' ports by name; 0, or a name that it leaves out, lets the system choose.
    """

    def __init__(self, house: House, settings: Settings, wanted: Mapping[str, int] | None) -> None:
        self.ports: dict[str, int] = {}
        self._house = house
        self._settings = settings
        self._wanted = wanted
        self._own = own_ports(settings)
        self._certificate = certificate_of(settings)
        self._tls = tls_ports(settings)
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._endpoints: dict[Endpoint, asyncio.Task[None]] = {}

    async def open(self) -> None:
        """Raises OSError where a port cannot be had."""
        for name, protocol in PROTOCOLS.items():
            port = self._port(name)
            if isinstance(protocol, Stream):
                if port is not None:
                    await self._own_port(name, port, udp=protocol.udp)
            else:
                self._http(name, Route(self._house, name, protocol), port or 0)
        await self._tcp(
            TRACKERS, self._chosen(TRACKERS, self._settings.trackers_port), _recogniser(udp=False)
        )
        await self._udp(TRACKERS, self.ports[TRACKERS], _recogniser(udp=True))

    def _port(self, name: str) -> int | None:
        """The port of its own that a protocol has; None: only the shared one."""
        protocol = PROTOCOLS[name]
        if name in self._own:
            return self._chosen(name, self._own[name])
        return self._chosen(name, protocol.port(self._settings)) if protocol.port else None

    def _chosen(self, name: str, port: int) -> int:
        return port if self._wanted is None else self._wanted.get(name, 0)

    async def _own_port(self, name: str, port: int, *, udp: bool) -> None:
        await self._tcp(name, port, None)
        if udp:
            await self._udp(name, self.ports[name], lambda _: name)

    async def _tcp(self, name: str, port: int, recognise: Recognise | None) -> None:
        secure = self._certificate if name in self._tls else None
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._house, name, recognise),
            self._settings.host,
            port,
            backlog=1024,
            reuse_port=self._settings.share_ports or None,
            ssl=secure.context if secure else None,
            ssl_handshake_timeout=HANDSHAKE if secure else None,
        )
        self._servers.append(server)
        self._note(name, server.sockets[0].getsockname()[1], "TLS" if secure else "TCP")

    async def _udp(self, name: str, port: int, recognise: Recognise) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Datagrams(self._house, name, recognise),
            (self._settings.host, port),
            reuse_port=self._settings.share_ports or None,
        )
        self._datagrams.append(transport)
        self._note(name, port, "UDP")

    def _http(self, name: str, route: Route, port: int) -> None:
        secure = self._certificate if name in self._tls else None
        endpoint = Endpoint(
            route, self._settings.host, port, certificate=secure, shared=self._settings.share_ports
        )
        self._endpoints[endpoint] = asyncio.create_task(endpoint.run())
        self._note(name, endpoint.port, "HTTPS" if secure else "HTTP")

    def _note(self, name: str, port: int, kind: str) -> None:
        self.ports[name] = port
        log.info("%s on %s:%d (%s)", name, self._settings.host, port, kind)

    def stop_listening(self) -> None:
        """Take nobody new; who is there can still be answered."""
        for server in self._servers:
            server.close()
        for endpoint in self._endpoints:
            endpoint.close()

    async def close(self) -> None:
        """Give the ports back."""
        for transport in self._datagrams:
            transport.close()
        await asyncio.gather(*self._endpoints.values(), return_exceptions=True)


def _recogniser(*, udp: bool) -> Recognise:
    """Who on the shared port knows a beginning, in the order of the registry."""
    streams = [
        (name, protocol)
        for name, protocol in PROTOCOLS.items()
        if isinstance(protocol, Stream) and (protocol.udp or not udp)
    ]
    return lambda first: next((name for name, stream in streams if stream.begins(first)), None)
