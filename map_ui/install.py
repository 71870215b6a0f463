"""Adds the pages to the centre's web process (entry point `dispatch45.pages`)."""

from __future__ import annotations

import json

from fastapi import FastAPI, Request

from dispatch.adapters.http.access import COOKIE
from dispatch.adapters.http.services import HttpServices
from dispatch.services.people import Person
from dispatch.settings import Settings
from map_ui.app import DemoAccount, PageServices, mount, same_host

_DEMO_FILE = "demo.json"


def install(app: FastAPI, services: HttpServices, settings: Settings) -> None:
    """The pages of one installation, from what its HTTP interface and its settings say."""

    async def person_of(request: Request) -> Person | None:
        token = request.cookies.get(COOKIE, "")
        return await services.people.signed_in(token) if token else None

    mount(
        app,
        PageServices(
            person_of=person_of,
            live_origin=same_host(services.live_port),
            live_address=services.live_url,
            territories=lambda: services.context.directory.territories,
            timezone=settings.timezone,
            tracking_port=settings.osmand_port,
            navigation=settings.navigation,
            demo=settings.demo,
            demo_accounts=_demo_accounts(settings),
        ),
    )


def _demo_accounts(settings: Settings) -> tuple[DemoAccount, ...]:
    """One sign-in a role, of a demonstration only."""
    file = settings.data / _DEMO_FILE
    if not settings.demo or not file.exists():
        return ()
    people = json.loads(file.read_text(encoding="utf-8"))["people"]
    first: dict[str, DemoAccount] = {}
    for one in people:
        first.setdefault(one["role"], DemoAccount(one["role"], one["username"], one["password"]))
    return tuple(first.values())
