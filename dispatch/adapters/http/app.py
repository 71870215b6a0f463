"""The application: one router an actor, behind one guard."""

from __future__ import annotations

from fastapi import FastAPI

from dispatch.adapters.http import (
    admin,
    admin_lists,
    admin_outages,
    admin_people,
    admin_process,
    alerts,
    call_desk,
    callbacks,
    crew,
    crew_phone,
    devices,
    dispatcher,
    errors,
    health,
    hotline,
    incidents,
    manager,
    manager_views,
    positions,
    session,
    setup,
    shortages,
    vocabulary,
)
from dispatch.adapters.http.guard import Guard
from dispatch.adapters.http.services import HttpServices

__all__ = ["HttpServices", "create_app"]

ROUTERS = (
    session, health, vocabulary, hotline, call_desk, dispatcher, incidents, positions, crew, crew_phone, manager, manager_views,
    shortages, admin, admin_people, admin_process, admin_outages, admin_lists, alerts, devices, callbacks, setup,
)  # fmt: skip


def create_app(services: HttpServices) -> FastAPI:
    """The HTTP interface of one installation; pages may be mounted on it.

    There is no page of its own documentation: those ask other hosts for their scripts (D10).
    """
    app = FastAPI(title="Dispatch45", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    errors.install(app)
    app.add_middleware(Guard, origins=services.origins)
    for module in ROUTERS:
        app.include_router(module.router)
    return app
