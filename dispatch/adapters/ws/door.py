"""Who may open the live feed: one ticket one connection, and only from the page's own origin."""

from __future__ import annotations

from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.http11 import Request

from dispatch.services.tickets import Guest, Tickets

PATH = "/live"
_USUAL = {"http": 80, "https": 443}


class Refused(Exception):
    """With the status to answer."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Door:
    """Checks an opening request. `page_port` is where the pages are (0: anywhere on the same host)."""

    def __init__(self, tickets: Tickets, page_port: int, origins: Collection[str] = ()) -> None:
        self._tickets = tickets
        self._page_port = page_port
        self._origins = frozenset(origins)

    def admit(self, request: Request) -> Guest:
        """Who it is, and by which session. Raises Refused. The ticket is used up only by a request that fits otherwise."""
        place = urlsplit(request.path)
        if place.path != PATH:
            raise Refused(HTTPStatus.NOT_FOUND, f"the live feed is at {PATH}")
        hosts = request.headers.get_all("Host")
        for origin in request.headers.get_all("Origin"):
            if not self._own(origin, hosts[0] if hosts else ""):
                raise Refused(HTTPStatus.FORBIDDEN, "not from the page's own origin")
        tickets = parse_qs(place.query).get("ticket", [])
        guest = self._tickets.redeem(tickets[0]) if len(tickets) == 1 else None
        if guest is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "the ticket is not valid, too old, or used")
        return guest

    def _own(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        try:
            page, live = urlsplit(origin), urlsplit(f"//{host}")
            port = page.port or _USUAL.get(page.scheme)
        except ValueError:
            return False
        same_host = page.hostname is not None and page.hostname == live.hostname
        return same_host and page.scheme in _USUAL and self._page_port in {0, port}
