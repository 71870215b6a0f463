"""The web part of a process: API, pages and live feed."""

from __future__ import annotations

from importlib.metadata import entry_points

import uvicorn
from fastapi import FastAPI

from dispatch.adapters.http.app import create_app
from dispatch.adapters.http.services import HttpServices
from dispatch.adapters.photo_files import PhotoFiles
from dispatch.adapters.redis.device_window import RedisDeviceWindow
from dispatch.adapters.redis.last_known import RedisLastKnown
from dispatch.adapters.redis.phone_positions import PhonePositions
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.call_desk import SqlDesk
from dispatch.adapters.sql.gazetteer import SqlGazetteer
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.tracks import SqlTracks
from dispatch.adapters.sql.views import Views
from dispatch.adapters.ws.live import LiveServer
from dispatch.bootstrap.build import Built, road_lines
from dispatch.bootstrap.health import Health
from dispatch.services.tickets import Tickets
from dispatch.settings import Settings


async def serve(built: Built) -> None:
    """Listen until cancelled."""
    settings = built.settings
    tickets = Tickets(settings.secret)
    views = Views(built.store, built.context)
    live = LiveServer(views, built.context, tickets)
    services = HttpServices(
        context=built.context, views=views,
        histories=SqlHistories(built.store, built.context),
        people=SqlPeople(built.store), tickets=tickets, administration=SqlAdministration(built.store, built.context),
        tracks=SqlTracks(built.positions), near=RedisLastKnown(built.redis), devices=RedisDeviceWindow(built.redis),
        shortages=SqlShortages(built.store), saved=SqlSavedViews(built.store),
        gazetteer=SqlGazetteer(built.store), call_desk=SqlDesk(built.store),
        photos=PhotoFiles(settings.data / "photos"), phone_positions=PhonePositions(built.redis),
        health=Health(built), secret=settings.secret, live_port=settings.live_port,
        roads=road_lines(settings), public_url=settings.public_url.rstrip("/"),
        provider_token=settings.phone_password if settings.phone_url.startswith("twilio:") else "",
        desk=built.phone,
    )  # fmt: skip
    app = create_app(services)
    _add_pages(app, services, settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", lifespan="off", ws="none",
        server_header=False, timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with live.serving(settings.host, settings.live_port):
        built.nudge.also(live.nudge)
        await server.serve()


def _add_pages(app: FastAPI, services: HttpServices, settings: Settings) -> None:
    """Whatever package brings pages adds them: the centre does not know which."""
    for entry in entry_points(group="dispatch45.pages"):
        entry.load()(app, services, settings)
