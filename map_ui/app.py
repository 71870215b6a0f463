"""The pages, added to the API's application."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from map_ui.assets import ADDRESS, ImmutableFiles, modules_of, service_worker, squeezed
from map_ui.basemap.chosen import ADDRESS as BASEMAP_ADDRESS
from map_ui.basemap.chosen import NOTHING, Basemap, handed_out
from map_ui.languages import COOKIE, LANGUAGES, choose, texts_of, translate
from map_ui.maps import MapParts, bounds_of, page_map
from map_ui.navigation import MAPS
from map_ui.policy import headers
from map_ui.services import DemoAccount, PageServices, Person, same_host
from map_ui.trouble import OURS, answer_in_pages, trouble
from map_ui.vendor import STATIC

__all__ = ["DemoAccount", "PageServices", "Person", "mount", "same_host"]

HOME = {
    "dispatcher": "/control-room",
    "crew": "/crew",
    "hotline": "/hotline",
    "manager": "/manager",
    "admin": "/admin",
}
ALLOWED = {
    "/control-room": {"dispatcher", "manager", "admin"},
    "/crew": {"crew"},
    "/hotline": {"hotline", "admin"},
    "/manager": {"manager", "admin"},
    "/admin": {"admin"},
    "/alerts": {"admin"},
    "/devices": {"dispatcher", "admin"},
    "/orders": {"dispatcher", "hotline", "manager", "admin"},
}
"""Which roles a page is for; what they may do there, the API decides."""

ADMIN_SECTIONS = (
    "people",
    "organisation",
    "devices",
    "duties",
    "outages",
    "territories",
    "process",
    "lists",
    "trail",
)
"""Below /admin, which is the state of the system."""

_MODULES = {"crew.html": "js/crew.js"}
"""Pages that phones open over slow networks: they are sent the texts of their own modules only, and told at once which those are."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ORDER_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_YEAR = 365 * 24 * 3600
Handler = Callable[[Request], Awaitable[Response]]
MapMaker = Callable[..., MapParts]


def mount(app: FastAPI, pages: PageServices) -> None:
    """Add the pages, their static files and the crew's service worker to `app`; a browser reads errors as pages, too."""
    app.mount(ADDRESS, ImmutableFiles(directory=STATIC), name="static")
    site = _Site(pages)
    routes: dict[str, Handler] = {
        "/": site.home,
        "/sign-in": site.sign_in,
        "/control-room": site.page("/control-room", "control_room.html", map_of=page_map),
        "/crew": site.page("/crew", "crew.html"),
        "/hotline": site.page("/hotline", "hotline.html", map_of=page_map),
        "/manager": site.page("/manager", "manager.html", map_of=partial(page_map, heat=True)),
        "/manager/orders": site.page("/manager", "manager_orders.html"),
        "/manager/report.html": site.report,
        "/admin": site.page("/admin", "admin.html"),
        "/alerts": site.page("/alerts", "alerts.html"),
        "/devices": site.page("/devices", "devices.html"),
        "/devices/{device_id}": site.page("/devices", "device.html"),
        "/orders/{order_id}": site.order,
        "/setup": site.setup,
        "/password": site.password,
        "/sw.js": site.worker,
        "/crew.webmanifest": site.manifest,
        BASEMAP_ADDRESS: site.basemap,
    }
    for section in ADMIN_SECTIONS:
        map_of = page_map if section == "territories" else None
        routes[f"/admin/{section}"] = site.page("/admin", "admin.html", map_of=map_of)
    for path, handler in routes.items():
        app.add_api_route(path, handler, methods=["GET"], include_in_schema=False, response_model=None)
    answer_in_pages(app, site.trouble)


class _Site:
    """Handlers that share the services."""

    def __init__(self, pages: PageServices) -> None:
        self.pages = pages

    async def home(self, request: Request) -> Response:
        """To the page of one's role."""
        person = await self.pages.person_of(request)
        return RedirectResponse(HOME.get(person.role, "/sign-in") if person else "/sign-in", status_code=303)

    async def sign_in(self, request: Request) -> Response:
        """Name and password; who sits at this very machine is shown those of the demonstration."""
        accounts = self.pages.demo_accounts if _from_this_machine(request) else ()
        return self._render(request, "sign_in.html", None, accounts=accounts, homes=HOME)

    async def setup(self, request: Request) -> Response:
        """The first steps: of nobody yet, or of an administrator."""
        person = await self.pages.person_of(request)
        if person is not None and (person.role not in ALLOWED["/admin"] or person.must_change):
            return RedirectResponse(HOME.get(person.role, "/sign-in"), status_code=303)
        return self._render(request, "setup.html", person)

    async def password(self, request: Request) -> Response:
        """One's own password."""
        person = await self.pages.person_of(request)
        if person is None:
            return RedirectResponse("/sign-in?next=/password", status_code=303)
        return self._render(request, "password.html", person)

    async def worker(self, request: Request) -> Response:
        """The crew page's service worker."""
        headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/crew"}
        return Response(service_worker(), media_type="text/javascript", headers=headers)

    async def manifest(self, request: Request) -> Response:
        """What a phone needs to put the crew page on its home screen."""
        language = choose(request)
        found = {
            "name": translate(language, "Dispatch45 crew"),
            "short_name": "Dispatch45",
            "lang": language,
            "start_url": "/crew",
            "scope": "/crew",
            "display": "standalone",
            "background_color": "#10181f",
            "theme_color": "#10181f",
            "icons": [
                {"src": f"{ADDRESS}/icons/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"}
                for size in (192, 512)
            ],
        }
        return JSONResponse(found, media_type="application/manifest+json")

    async def basemap(self, request: Request) -> Response:
        """The base map's file, or the bytes of it that are asked for, to whoever may see a page."""
        person = await self.pages.person_of(request)
        if person is None or person.must_change:
            return Response(status_code=401)
        return handed_out(self.pages.basemap)

    async def report(self, request: Request) -> Response:
        """The manager's report as one file, to be kept and handed on."""
        person = await self.pages.person_of(request)
        if person is None or person.role not in ALLOWED["/manager"] or self.pages.report is None:
            return _to_sign_in(request, "/manager")
        if person.must_change:
            return RedirectResponse("/password", status_code=303)
        return await self.pages.report(request, choose(request))

    async def order(self, request: Request) -> Response:
        """An order's story, where there is such an order."""
        answer = await self.page("/orders", "order.html", map_of=page_map)(request)
        if answer.status_code == 200 and not await self.pages.has_order(request.path_params["order_id"]):
            raise HTTPException(404)
        return answer

    async def trouble(self, request: Request, status: int) -> Response:
        """What is said where there is no page, or none for this person. What is broken is not asked who is there."""
        ours = status >= OURS
        person = None if ours else await self.pages.person_of(request)
        words = trouble(choose(request), status, _order_id(request) if person else "")
        again = _address(request.url.path, request)
        answer = self._render(
            request, "trouble.html", person, trouble=words, status=status, ours=ours, again=again
        )
        answer.status_code = status
        return answer

    def page(self, path: str, template: str, *, map_of: MapMaker | None = None) -> Handler:
        """A handler for one of the role's pages; strangers are sent to sign in, others to their own page."""

        async def handler(request: Request) -> Response:
            person = await self.pages.person_of(request)
            if person is None:
                return _to_sign_in(request, request.url.path)
            if person.must_change:
                return RedirectResponse("/password", status_code=303)
            if person.role not in ALLOWED[path]:
                return RedirectResponse(HOME.get(person.role, "/sign-in"), status_code=303)
            return self._render(request, template, person, map_of=map_of)

        return handler

    def _render(
        self,
        request: Request,
        template: str,
        person: Person | None,
        *,
        map_of: MapMaker | None = None,
        **more: Any,
    ) -> Response:
        language, nonce = choose(request), token_urlsafe(16)
        theme = request.cookies.get("dispatch45_theme", "")
        basemap = self.pages.basemap.now() if map_of else NOTHING
        context = {
            "_": lambda text: translate(language, text),
            "language": language,
            "languages": LANGUAGES,
            "theme": theme if theme in {"light", "dark"} else "",
            "nonce": nonce,
            "static": ADDRESS,
            "person": person,
            "path": request.url.path,
            "demo": self.pages.demo,
            "links": _links(person),
            "map": self._map(map_of, person, nonce, basemap) if map_of else None,
            "data": _json(self._data(request, language, person, template)),
            "preload": modules_of(_MODULES[template]) if template in _MODULES else (),
            **more,
        }
        html = _TEMPLATES.get_template(template).render(context)
        response = squeezed(
            request, HTMLResponse(html, headers=headers(nonce, self._live(request), basemap.host))
        )
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(COOKIE, language, max_age=_YEAR, samesite="strict")
        return response

    def _live(self, request: Request) -> str:
        """Scheme, host and port of the live feed; a source expression of the policy has no path."""
        address = urlsplit(self.pages.live_address)
        return f"{address.scheme}://{address.netloc}" if address.netloc else self.pages.live_origin(request)

    def _map(self, make: MapMaker, person: Person | None, nonce: str, basemap: Basemap) -> MapParts:
        bounds = bounds_of(self.pages.territories(), person.centre_id if person else None)
        at = self.pages
        where = {"lat": at.lat, "lon": at.lon, "zoom": at.zoom, "bounds": bounds}
        return make(**where, nonce=nonce, static=ADDRESS, basemap=basemap)

    def _data(self, request: Request, language: str, person: Person | None, template: str) -> dict[str, Any]:
        who = person and {
            "username": person.username,
            "name": person.name,
            "role": person.role,
            "centre_id": person.centre_id,
            "crew_id": person.crew_id,
        }
        return {
            "language": language,
            "timezone": self.pages.timezone,
            "person": who,
            "orderId": _order_id(request),
            "trackingPort": self.pages.tracking_port,
            "navigation": MAPS[self.pages.navigation],
            "texts": texts_of(language, _MODULES.get(template, "")),
        }


def _to_sign_in(request: Request, path: str) -> Response:
    """And from there to `path` with what was asked of it: days and filter of a letter's link, say."""
    return RedirectResponse(f"/sign-in?next={quote(_address(path, request))}", status_code=303)


def _address(path: str, request: Request) -> str:
    return f"{path}?{request.url.query}" if request.url.query else path


def _order_id(request: Request) -> str:
    """Of the order that the address names; empty: it names none that could be."""
    found = str(request.path_params.get("order_id", ""))
    return found if _ORDER_ID.fullmatch(found) else ""


def _links(person: Person | None) -> list[str]:
    """The pages that this person may move between."""
    return [path for path, roles in ALLOWED.items() if person and person.role in roles and path != "/orders"]


def _from_this_machine(request: Request) -> bool:
    """Whether the browser runs here, and not behind a proxy that does."""
    if request.client is None or {"x-forwarded-for", "forwarded"} & set(request.headers):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _json(value: Any) -> Markup:
    """JSON that is safe inside a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)  # noqa: S704
