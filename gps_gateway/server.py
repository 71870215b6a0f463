"""`dispatch45 gateway`: one gateway process, from its settings to its end."""

from __future__ import annotations

import asyncio
import logging
import signal

import click

from dispatch.clock import clock_from
from dispatch.collector import let_batches_live
from dispatch.core.errors import BadInput, Unavailable
from dispatch.settings import Settings, from_environment
from gps_gateway.gateway import Gateway


@click.command()
@click.option("--verbose", is_flag=True, help="Log every rejected frame.")
def gateway(verbose: bool) -> None:
    """Receive positions and presses of devices, and bring orders to their terminals."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    asyncio.run(serve(from_environment()))


async def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM. Raises BadInput or Unavailable with what to do."""
    if not settings.secret:
        raise BadInput("DISPATCH45_SECRET is empty: device codes cannot be made without it")
    if not settings.redis_url:
        raise BadInput("REDIS_URL is empty: `dispatch45 up` starts a server, or name one")
    try:
        clock = clock_from(settings.clock, mark=settings.time_mark)
    except ValueError as error:
        raise BadInput(f"DISPATCH45_CLOCK: {error}") from None
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    let_batches_live()
    running = Gateway(settings, clock)
    try:
        await running.open()
        await stop.wait()
    except OSError as error:
        raise Unavailable(f"The gateway cannot listen on {settings.host}: {error.strerror}") from error
    finally:
        await running.close()
