"""The telephone process: real calls for any number of workers, over SIP or through a provider (docs/telephone.md).

It is a process of its own so that calls do not depend on the workers: one that is restarted finds its calls where they
are, and what was pressed meanwhile waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket

import click
import httpx
import uvicorn

from dispatch.adapters.channels.phone import Telephone, Wiring
from dispatch.adapters.channels.phone import telephone as open_telephone
from dispatch.adapters.channels.phone_baresip import MISSING, installed
from dispatch.adapters.channels.phone_book import Book
from dispatch.adapters.channels.phone_desk import Teller, application
from dispatch.children import Program
from dispatch.clock import InstallationClock, Machine, clock_from
from dispatch.core.errors import Unavailable
from dispatch.lifeline import tied
from dispatch.settings import Settings, from_environment
from dispatch.tracker import Mark

log = logging.getLogger(__name__)


def wiring(settings: Settings) -> Wiring:
    """What the telephone is built from."""
    return Wiring(
        settings.phone_url, settings.phone_password, settings.data.resolve(), settings.phone_local,
        settings.phone_lines, settings.public_url.rstrip("/"),
    )  # fmt: skip


def sidecar(settings: Settings) -> Program | None:
    """The SIP sidecar as a process to be kept running, where the telephone needs one and it is installed.

    Raises BadInput where the setting cannot be used. One that is not installed is said here and on the health page:
    every call fails with that reason, and the alerts go on.
    """
    found = wiring(settings).sidecar
    if found is None:
        return None
    if not installed():
        click.echo(
            f"The telephone: {MISSING}. Orders that nobody answers ring nobody; see docs/telephone.md",
            err=True,
        )
        return None
    return Program("baresip", tied(found.command), before=found.prepare)


@click.command()
def telephone() -> None:
    """Real telephone calls for the workers, over SIP or through a provider."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_serve(from_environment()))


def opened(settings: Settings, machine: Machine) -> tuple[Book, Telephone]:
    """The telephone and its book. Its limits count the machine's seconds: a clock that is set moves none of them; what it
    tells is dated by the installation's time, as every other process has it."""
    clock = clock_from(settings.clock, InstallationClock(Mark.of(settings.time_mark), machine=machine))
    book = Book(settings.data.resolve() / "phone" / "calls.jsonl", clock.now, machine)
    return book, open_telephone(wiring(settings), book, machine.boot)


async def _serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT, which end the server, or until a part breaks."""
    book, phone = opened(settings, Machine())
    listener = _listen(settings)
    config = uvicorn.Config(
        application(phone, book, settings.secret), log_level="warning", lifespan="off", ws="none",
        server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        beside = [
            asyncio.create_task(run()) for run in (Teller(book, settings.secret, client).run, phone.run)
        ]
        serving = asyncio.create_task(server.serve([listener]))
        try:
            await asyncio.wait([serving, *beside], return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, *beside):
                if task.done():
                    task.result()
        finally:
            for task in (serving, *beside):
                task.cancel()
            await asyncio.gather(serving, *beside, return_exceptions=True)


def _listen(settings: Settings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.phone_port), family=family)
    except OSError as error:
        where = f"{settings.host}:{settings.phone_port}"
        raise Unavailable(f"the telephone cannot listen on {where}: {error.strerror}") from None
