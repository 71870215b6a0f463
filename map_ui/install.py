"""Adds the pages to the centre's web process (entry point `dispatch45.pages`)."""

from __future__ import annotations

import asyncio
from datetime import date

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from dispatch.adapters.http.access import COOKIE
from dispatch.adapters.http.manager import late_points, period_of, reviewed
from dispatch.adapters.http.services import HttpServices
from dispatch.bootstrap import sign_ins
from dispatch.core.errors import BadInput
from dispatch.services.people import Person
from dispatch.settings import Settings
from map_ui.app import DemoAccount, PageServices, mount, same_host
from map_ui.basemap.chosen import choose
from map_ui.report import standalone


def install(app: FastAPI, services: HttpServices, settings: Settings) -> None:
    """The pages of one installation, from what its HTTP interface and its settings say."""

    async def person_of(request: Request) -> Person | None:
        token = request.cookies.get(COOKIE, "")
        return await services.people.signed_in(token) if token else None

    async def report(request: Request, language: str) -> Response:
        try:
            first, last = (date.fromisoformat(request.query_params.get(name, "")) for name in ("from", "to"))
        except ValueError:
            raise BadInput("from, to: expected days as YYYY-MM-DD", field="from") from None
        period = period_of(request, first, last)
        found, points = await reviewed(services, period), await late_points(services, period)
        text = await asyncio.to_thread(
            lambda: standalone(found, points, services.context, language, services.roads())
        )
        name = f'attachment; filename="compliance_{first}_{last}.html"'
        return HTMLResponse(text, headers={"Content-Disposition": name, "Cache-Control": "no-store"})

    mount(
        app,
        PageServices(
            person_of=person_of,
            has_order=services.views.has_order,
            report=report,
            live_origin=same_host(services.live_port),
            live_address=services.live_url,
            territories=lambda: services.context.directory.territories,
            timezone=settings.timezone,
            tracking_port=settings.osmand_port,
            navigation=settings.navigation,
            basemap=choose(
                settings.basemap, settings.basemap_datum, settings.basemap_attribution, settings.data
            ),
            demo=settings.demo,
            demo_accounts=tuple(DemoAccount(*one) for one in sign_ins(settings)),
        ),
    )
