"""A worker of the fault run: `dispatch45 worker` with an ear for the exchange's reports, made to be killed.

The process of this module has everything imported and forks a worker for each line on its standard input (a worker
that had to import the product anew would cost seconds of the machine at each of a thousand kills). It answers with
the worker's process id, and with how it ended. What the worker does is the product's own; added are the crash
points, and a clock of the machine that the harness can step.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import msgspec
import uvicorn
from fastapi import FastAPI

from dispatch import clock
from dispatch.adapters.http import callbacks, errors
from dispatch.adapters.redis import shares
from dispatch.bootstrap import audit_trail, processes
from dispatch.bootstrap.build import Built
from dispatch.core.errors import DispatchError
from dispatch.services import delivery, ringing
from dispatch.settings import from_environment
from dispatch.tracker import Reading
from loadtests.crash_points import CrashPoints
from loadtests.fault_board import READY, STEP, Board

_PDEATHSIG = 1
LATE = (
    "anyio._backends._asyncio", "httpcore", "sqlalchemy.dialects.postgresql.asyncpg", "uvicorn.lifespan.on",
    "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
)  # fmt: skip
"""What a worker imports only when it needs it: a tenth of a short life."""


class Life(msgspec.Struct, frozen=True):
    """How one worker is to live. `die`: the crash point whose `nth` crossing is its end; empty: none."""

    number: int
    port: int
    board: str
    said: str
    lease: float
    die: str = ""
    nth: int = 1


class End(msgspec.Struct, frozen=True):
    """How it ended: minus the signal, or its exit code; `point`: where it was told to die, if it did."""

    code: int
    point: str


class SteppedMachine(clock.Machine):
    """The machine's clock of the calendar, put forward or back by the harness. The seconds since its start are real."""

    board: Board

    def _read_once(self) -> Reading:
        read = super()._read_once()
        return Reading(read.wall + self.board.get(STEP), read.boot, read.apart)


async def _reports(built: Built) -> None:
    """The route for the exchange's reports, as `dispatch45 web` has it, without the pages."""
    app = FastAPI(openapi_url=None)
    app.state.services = SimpleNamespace(context=built.context, secret=built.settings.secret)
    errors.install(app)
    app.include_router(callbacks.router)
    config = uvicorn.Config(
        app, host=built.settings.host, port=built.settings.port, log_level="critical", ws="none"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    await server.serve()


def live(life: Life, say: Callable[[str], object]) -> None:
    """A worker's whole life."""
    SteppedMachine.board = Board(Path(life.board))
    clock.Machine = SteppedMachine  # type: ignore[misc]
    for module in (delivery, ringing):
        vars(module)["LEASE"] = life.lease
    delivery.SEND_AGAIN = min(delivery.SEND_AGAIN, 2 * life.lease)
    vars(shares)["LEASE_MS"] = min(shares.LEASE_MS, int(life.lease * 1000))
    vars(audit_trail)["EVERY"] = 1.0  # no worker lives long enough for the usual two rounds
    CrashPoints(life.die, life.nth, say).install()

    async def ready(built: Built) -> None:
        """The others were begun before."""
        SteppedMachine.board.put(READY + life.number, os.getpid())
        await asyncio.Event().wait()

    parts = (processes._work, processes._keep_time, _reports, ready)
    asyncio.run(processes._live(replace(from_environment(), port=life.port), parts))


def fork(life: Life) -> tuple[int, int]:
    """The worker's process id, and where its last word can be read."""
    listening, saying = os.pipe()
    child = os.fork()
    if child:
        os.close(saying)
        return child, listening
    ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
    said = os.open(life.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    logging.basicConfig(
        level=logging.WARNING, format=f"%(asctime)s {os.getpid()} %(levelname)s %(name)s: %(message)s"
    )
    try:
        live(life, lambda point: os.write(saying, point.encode()))
    except DispatchError as error:
        logging.warning("the worker does not start: %s", error)
        os._exit(1)
    except BaseException:
        logging.exception("the worker ended by itself")
        os._exit(2)
    os._exit(0)


def main() -> None:
    """Until standard input ends."""
    for name in LATE:
        import_module(name)
    gc.freeze()  # what all lives share is looked through by none
    for line in sys.stdin:
        child, listening = fork(msgspec.json.decode(line, type=Life))
        _tell(str(child))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with os.fdopen(listening, "rb") as last_words:
            _tell(msgspec.json.encode(End(code, last_words.read().decode())).decode())


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
