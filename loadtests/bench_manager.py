"""How long a manager waits: `python -m loadtests.bench_manager [--orders 1000000] [--postgres] [--json FILE]`.

A year and more of orders is seeded by SQL and as sheets of days; then the desk is asked as a manager would, through
the real HTTP interface, and looked at in a real browser: from a changed filter to the painted charts. How fast the
sheets themselves are made is measured apart, with orders that have a whole history.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import click
import httpx
import uvicorn

from dispatch.adapters.http.app import HttpServices, create_app
from dispatch.adapters.ids import RandomIds
from dispatch.adapters.sql.administration import SqlAdministration
from dispatch.adapters.sql.day_sheets import DaySheets
from dispatch.adapters.sql.histories import SqlHistories
from dispatch.adapters.sql.organisation import load_directory
from dispatch.adapters.sql.people import SqlPeople
from dispatch.adapters.sql.saved_views import SqlSavedViews
from dispatch.adapters.sql.shortages import SqlShortages
from dispatch.adapters.sql.views import Views
from dispatch.bootstrap.database import at_once, make_ready, open_store
from dispatch.clock import SystemClock
from dispatch.core.responsibility import Rules
from dispatch.core.territory import Territories
from dispatch.services.context import Context
from dispatch.services.people import Person
from dispatch.services.tickets import Tickets
from dispatch.settings import Settings
from loadtests.clock_seed import Family
from loadtests.manager_seed import fill, organise
from loadtests.objectives import Objective, Outcome, tell
from loadtests.postgres import postgres_running
from map_ui.install import install
from simulators.shipped import shipped_processes

LAST, DAYS = date(2026, 3, 2), 400
PASSWORD = "a password of a benchmark"  # noqa: S105
ZONE = ZoneInfo("UTC")
FILTERS: tuple[dict[str, str], ...] = (
    {}, {"centre": "c3"}, {"trade": "service"}, {"area": "rural"}, {"fault": "meter"}, {"centre": "c1", "area": "urban"},
    {"crew": "c2-5"},
)  # fmt: skip
SPANS = (7, 30, 90, 400)
ROUNDS = 40
MEASURED = 2_000
PAINTED = """([values, wanted]) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error('nothing was painted within 20 s')), 20000);
  const form = document.getElementById('range');
  for (const [name, value] of Object.entries(values)) form[name].value = value;
  delete document.body.dataset.painted;
  const start = performance.mark('asked').startTime;
  new MutationObserver((_, self) => {
    if (!document.body.dataset.painted) return;
    self.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.mark('painted').startTime - start)));
  }).observe(document.body, { attributes: true, attributeFilter: ['data-painted'] });
  form.dispatchEvent(new Event('change'));
})"""


@click.command()
@click.option("--orders", default=1_000_000, show_default=True)
@click.option("--postgres", is_flag=True, help="A PostgreSQL of its own instead of SQLite.")
@click.option("--json", "file", default=None, help="Where to write the outcome.")
def main(orders: int, postgres: bool, file: str | None) -> None:
    """Seed, ask, look, print."""
    with TemporaryDirectory() as folder:
        if not postgres:
            sys.exit(tell(_run(Settings(data=Path(folder), timezone="UTC"), orders), file))
        with postgres_running(Path(folder) / "postgres") as server:
            settings = Settings(data=Path(folder), timezone="UTC", database_url=server.url)
            sys.exit(tell(_run(settings, orders), file))


def _run(settings: Settings, orders: int) -> Outcome:
    started = SystemClock.monotonic()
    make_ready(settings)
    at_once(settings, organise)
    at_once(settings, lambda c: fill(c, orders, DAYS, LAST, "UTC"))
    facts: dict[str, float | int | str] = {
        "database": "PostgreSQL" if settings.database_url else "SQLite", "orders": orders, "days": DAYS,
        "seconds of seeding": round(SystemClock.monotonic() - started, 1),
    }  # fmt: skip
    with _served(settings) as address:
        api = _ask(address, facts)
        painted, left_out = _look(address)
    facts["orders measured per second, by the worker"] = round(_measuring(settings))
    objectives = [
        Objective(
            name="filter to answer of the interface, p95",
            measured=_p95(api),
            wanted=1.0,
            sense="at most",
            unit="s",
        )
    ]
    if painted:
        facts["filter to painted charts, median"] = round(sorted(painted)[len(painted) // 2], 3)
        name = "filter to painted charts in Chromium, p95"
        objectives.append(Objective(name=name, measured=_p95(painted), wanted=1.0, sense="at most", unit="s"))
    return Outcome(name="the manager's desk", objectives=tuple(objectives), facts=facts, left_out=left_out)


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def _wanted() -> Iterator[dict[str, str]]:
    """Every span with every filter, again and again."""
    spans = [{"from": (LAST - timedelta(days=n - 1)).isoformat(), "to": LAST.isoformat()} for n in SPANS]
    return ({**span, **chosen} for chosen, span in cycle((f, s) for f in FILTERS for s in spans))


def _ask(address: str, facts: dict[str, float | int | str]) -> list[float]:
    """Seconds of each answer; the very first ones, which read the sheets, are in it."""
    with httpx.Client(base_url=address, trust_env=False, timeout=120) as client:
        client.post("/api/session", json={"username": "mona", "password": PASSWORD}).raise_for_status()
        found = [_timed(client, f"/api/manager/compliance?{urlencode(q)}") for q in islice(_wanted(), ROUNDS)]
        whole = urlencode({"from": (LAST - timedelta(days=DAYS - 1)).isoformat(), "to": LAST.isoformat()})
        facts["first look at all days, s"] = round(found[len(SPANS) - 1], 3)
        facts["the orders behind a number, of all days, s"] = round(
            _timed(client, f"/api/manager/orders?{whole}&of=owner:crew"), 3
        )
        report = client.get(f"/manager/report.html?{whole}")
        facts["report in one file with 10,000 points, kB gzip"] = round(
            len(gzip.compress(report.content)) / 1000
        )
    return found


def _timed(client: httpx.Client, path: str) -> float:
    started = SystemClock.monotonic()
    client.get(path).raise_for_status()
    return SystemClock.monotonic() - started


def _look(address: str) -> tuple[list[float], tuple[str, ...]]:
    """Seconds from each changed filter to the painted charts."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return [], ("the browser: there is none on this machine",)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(address)
        page.fill("#username", "mona")
        page.fill("#password", PASSWORD)
        page.click("#sign-in [type=submit]")
        page.wait_for_selector("#freshness:not(:empty)", timeout=60_000)  # written when its buttons listen
        found = []
        for query in islice(_wanted(), ROUNDS):
            values = {
                name: query.get(name, "*")
                for name in ("from", "to", "centre", "crew", "trade", "area", "fault")
            }
            found.append(page.evaluate(PAINTED, [values, ""]) / 1000)
            page.wait_for_timeout(150)
        browser.close()
    return found, ()


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    """The interface and the pages, in a thread of their own."""
    listening = socket.create_server(("127.0.0.1", 0))
    ready, loop = threading.Event(), asyncio.new_event_loop()
    servers: list[uvicorn.Server] = []

    async def serve() -> None:
        context = await _context(settings)
        store: Any = context.store
        people = SqlPeople(store)
        boss = Person("mona", "Mona", "manager")
        await people.create(boss, PASSWORD, by=boss)
        services = HttpServices(
            context=context, views=Views(store, context), histories=SqlHistories(store, context), people=people,
            shortages=SqlShortages(store), saved=SqlSavedViews(store), administration=SqlAdministration(store, context), tickets=Tickets("secret"), secret="secret",  # noqa: S106
            live_port=0,
            **cast(Any, dict.fromkeys(("tracks", "near", "devices", "health", "gazetteer", "call_desk"))),
        )  # fmt: skip
        app = create_app(services)
        install(app, services, settings)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", ws="none"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        servers.append(server)
        ready.set()
        await server.serve(sockets=[listening])
        if (closing := store.close()) is not None:
            await closing

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    if not ready.wait(60):
        raise SystemExit("the interface did not start")
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        servers[0].should_exit = True
        thread.join(20)
        listening.close()


async def _context(settings: Settings) -> Context:
    processes = shipped_processes()
    store = open_store(settings, processes, SystemClock())
    return Context(
        store=store, clock=SystemClock(), processes=processes, directory=await store.read(load_directory),
        territories=Territories([]), rules=Rules(()), travel=None, ids=RandomIds(ZONE), zone=ZONE,  # type: ignore[arg-type]
        policy="manual", language="en",
    )  # fmt: skip


def _measuring(settings: Settings) -> float:
    """Orders with a history that one pass measures in a second."""

    async def work() -> float:
        context = await _context(settings)
        store: Any = context.store
        sheets = DaySheets(store, context)
        now = context.clock.now()
        await store.write(lambda c: Family("M", now - timedelta(days=1), 1.0, MEASURED).write(c, 1, MEASURED))
        ids = [f"M{n}" for n in range(1, MEASURED + 1)]
        started = SystemClock.monotonic()
        found, gone = await sheets._measured(ids, now)
        speed = len(found) / (SystemClock.monotonic() - started)
        if gone:
            raise SystemExit(f"{len(gone)} orders could not be measured")
        if (closing := store.close()) is not None:
            await closing
        return speed

    return asyncio.run(work())


if __name__ == "__main__":
    main()
