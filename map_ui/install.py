"""How the pages get into the program: the entry point `dispatch45.pages`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request

from dispatch.adapters.http.access import COOKIE
from dispatch.adapters.http.services import HttpServices
from dispatch.services.people import Person
from dispatch.settings import Settings
from map_ui.app import mount
from map_ui.services import DemoAccount, PageServices, same_host


def install(app: FastAPI, services: HttpServices, settings: Settings) -> None:
    """Mount the pages on the API's application."""

    async def person_of(request: Request) -> Person | None:
        token = request.cookies.get(COOKIE)
        return await services.people.signed_in(token) if token else None

    def territories() -> Mapping[str, Any]:
        return services.context.directory.territories or {"type": "FeatureCollection", "features": []}

    centres = list(services.context.directory.centres.values())
    lat, lon = (centres[0].lat, centres[0].lon) if centres else (35.0, 105.0)
    mount(
        app,
        PageServices(
            person_of=person_of, live_origin=same_host(settings.live_port), territories=territories,
            timezone=settings.timezone, tracking_port=settings.osmand_port, demo=settings.demo,
            demo_accounts=_demo_accounts(settings),
            lat=lat, lon=lon, zoom=12 if centres else 5,
        ),
    )  # fmt: skip


def _demo_accounts(settings: Settings) -> tuple[DemoAccount, ...]:
    """One sign-in for each role of the demonstration, offered on the sign-in page (loopback only)."""
    file = settings.data / "demo.json"
    if not settings.demo or settings.host not in {"127.0.0.1", "localhost", "::1"} or not file.exists():
        return ()
    first: dict[str, DemoAccount] = {}
    for person in json.loads(file.read_text(encoding="utf-8"))["people"]:
        first.setdefault(person["role"], DemoAccount(person["role"], person["username"], person["password"]))
    return tuple(first.values())
