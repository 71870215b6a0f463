"""`dispatch45 up`: everything on one machine, from the first process to the last one's end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from dispatch.adapters.redis.server import RedisServer
from dispatch.children import Child, Program, stop_in_order
from dispatch.clock import SystemClock
from dispatch.core.errors import BadInput, Unavailable
from dispatch.lifeline import Lifeline, tied
from dispatch.output import Screen
from dispatch.settings import Settings, from_environment, to_environment, wants_own_telephone

PORTS = 9
"""The page's port and the eight after it; see Settings."""

DEMO_SPEED = 10.0

FSYNC = ("always", "everysec")
"""What the server of our own may be told; docs/gateway.md says what each can lose."""

REDIS_HEAD_START = 2.0
"""Seconds that the others wait for Redis to load its file; then they start without it."""

PRIVATE = 0o077
"""What we and our children write holds customers' telephone numbers and password hashes: it is its owner's only."""


@dataclass(frozen=True)
class Plan:
    """What runs, in the order in which it is started; it is ended the other way round."""

    settings: Settings
    programs: list[Program]
    redis: RedisServer | None = None
    """Started before all others, ended after them."""
    sign_ins: list[tuple[str, str, str]] = field(default_factory=list)
    """Role, user name and password, to be shown when the pages answer."""
    token: str = ""
    """With which the first administrator begins; empty: there is one."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535 - PORTS + 1), help="Of the page; eight more follow it.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder for everything kept [default: ./var].")
@click.option("--host", help="Address to listen on [default: 127.0.0.1].")
@click.option(
    "--speed", type=click.FloatRange(0.1, 1000), help="How fast time passes [default: 10 in the demo]."
)
@click.option(
    "--empty", is_flag=True, help="No demonstration city; the first administrator begins in the pages."
)
@click.option(
    "--policy", type=click.Choice(["risk", "mean", "nearest", "manual"]), help="Automatic dispatch."
)
@click.option(
    "--by-hand", metavar="NAMES", help="People of the demonstration that you play: hotline,crew-01."
)
def up(
    port: int | None,
    data: Path | None,
    host: str | None,
    speed: float | None,
    empty: bool,
    policy: str | None,
    by_hand: str | None,
) -> None:
    """Start everything, and keep it running until Ctrl-C."""
    from dispatch import bootstrap

    given: dict[str, Any] = {"port": port, "data": data, "host": host, "policy": policy, "by_hand": by_hand}
    settings = replace(
        from_environment(), **{k: v for k, v in given.items() if v is not None}, demo=not empty
    )
    settings = replace(settings, data=settings.data.resolve())
    os.umask(PRIVATE)
    with own_data(settings.data):
        check_ports(settings.host, settings.port)
        settings = bootstrap.prepare(settings, speed=speed or (1.0 if empty else DEMO_SPEED), empty=empty)
        try:
            plan = _plan(settings, bootstrap.sign_ins(settings))
            asyncio.run(supervise(replace(plan, token=bootstrap.first_token(settings))))
        finally:
            bootstrap.freeze(settings)


def check_ports(host: str, port: int) -> None:
    """Raises Unavailable naming the first of our ports that cannot be had, and what to do."""
    for number in range(port, port + PORTS):
        try:
            _bind(host, number, socket.SOCK_STREAM)
            if number == Settings(port=port).trackers_port:
                _bind(host, number, socket.SOCK_DGRAM)
        except PermissionError:
            raise Unavailable(
                f"Port {number} needs more rights: choose another with --port N (N > 1023)"
            ) from None
        except socket.gaierror:
            raise BadInput(f"--host {host}: no such address") from None
        except OSError as error:
            raise Unavailable(
                f"Port {number} on {host} is not free ({error.strerror}). Dispatch45 uses {port} to"
                f" {port + PORTS - 1}: end what uses it, or choose other ports with --port N"
            ) from None


def _bind(host: str, number: int, kind: socket.SocketKind) -> None:
    family, _, _, _, address = socket.getaddrinfo(host, number, type=kind)[0]
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


@contextmanager
def own_data(folder: Path) -> Iterator[None]:
    """The data folder, made if need be, for this process alone. Raises Unavailable saying what is wrong."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.stat().st_mode & stat.S_ISVTX:  # one for everybody, like /tmp, stays so
            folder.chmod(0o700)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise Unavailable(
            f"Cannot write to the data folder {folder} ({error.strerror}):"
            " give yourself the right, or choose another with --data DIR"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(
                f"Dispatch45 is already running with the data folder {folder}: end it, or choose --data DIR"
            ) from None
        yield


def _plan(settings: Settings, sign_ins: list[tuple[str, str, str]]) -> Plan:
    from dispatch import bootstrap

    redis = None
    if settings.fsync not in FSYNC:
        raise BadInput(f"DISPATCH45_FSYNC: found {settings.fsync}, expected {' or '.join(FSYNC)}")
    if not settings.redis_url:
        redis = RedisServer(settings.data, settings.fsync)
        settings = replace(settings, redis_url=redis.url)
    split = settings.database_url.startswith("postgresql")
    names = ["web", "worker"] if split else ["centre"]
    names += ["auditor", "gateway"]
    if own_telephone := wants_own_telephone(settings):
        names.append("telephone")
    elif settings.demo:
        names.append("exchange")
    names += ["demo"] if settings.demo else []
    environment = to_environment(settings)
    programs = [Program(name, [sys.executable, "-m", "dispatch.cli", name], environment) for name in names]
    if own_telephone and (sidecar := bootstrap.sidecar(settings)) is not None:
        programs.insert(0, sidecar)
    return Plan(settings, programs, redis, sign_ins)


async def supervise(plan: Plan) -> None:
    """Run a plan until SIGINT, SIGTERM or SIGHUP; a second one kills at once.

    Raises Unavailable, with everything ended, where the Redis server cannot be started.
    """
    screen, lifeline = Screen(), Lifeline()
    logs = plan.settings.data / "logs"
    children = [Child(program, lifeline, screen, logs) for program in plan.programs]
    redis = Child(_redis_program(plan.redis), lifeline, screen, logs) if plan.redis else None
    told = _listen_for_the_end([*children, redis] if redis else children)
    starting = asyncio.create_task(_start(plan, children, redis, screen))
    ending = asyncio.create_task(told.wait())
    try:
        done, _ = await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if starting in done:
            starting.result()
        await ending
    finally:
        told.set()
        starting.cancel()
        screen.show("Stopping ...")
        await stop_in_order(reversed(children), last=redis)
        screen.show("Stopped. The next start goes on from here.")
        screen.close()


def _redis_program(server: RedisServer) -> Program:
    return Program("redis", tied(server.command), before=server.prepare)


def _listen_for_the_end(everyone: list[Child]) -> asyncio.Event:
    told = asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            for child in everyone:
                child.signal(signal.SIGKILL)
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
            continue  # started by nohup: meant to outlive its terminal
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return told


async def _start(plan: Plan, children: list[Child], redis: Child | None, screen: Screen) -> None:
    """Start everything, and say where it can be reached when it can."""
    loading = asyncio.create_task(_redis(plan.redis, redis))
    try:
        await asyncio.wait({loading}, timeout=REDIS_HEAD_START)
        for child in children:
            child.start()
        await loading
        await _until_answering(plan.settings, screen)
    finally:
        loading.cancel()
    for line in _welcome(plan):
        screen.show(line)


async def _redis(server: RedisServer | None, child: Child | None) -> None:
    if server and child:
        child.start()
        await asyncio.to_thread(server.wait_until_ready, lambda: child.deaths == 0 and not child.told_to_stop)


async def _until_answering(settings: Settings, screen: Screen) -> None:
    start, patience = SystemClock.monotonic(), 20.0
    while not await _answers(_reachable(settings.host), settings.port):
        await asyncio.sleep(0.05)
        if SystemClock.monotonic() - start > patience:
            screen.show(f"The pages do not answer yet; see {settings.data / 'logs'}")
            patience *= 4


async def _answers(host: str, port: int) -> bool:
    """Whether GET /healthz is answered at all: a part that is ill says so on the page itself."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.readline()).startswith(b"HTTP/1.")
            finally:
                writer.close()
    except OSError:  # TimeoutError is one
        return False


def _reachable(host: str) -> str:
    """An address of this machine where a server listening on `host` answers."""
    everywhere = "0.0.0.0"  # noqa: S104 (not bound here)
    return {everywhere: "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def _welcome(plan: Plan) -> Iterator[str]:
    host = _reachable(plan.settings.host)
    yield ""
    address = f"http://{f'[{host}]' if ':' in host else host}:{plan.settings.port}/"
    yield f"Dispatch45 is ready: {address}"
    if plan.token:
        yield "  Nobody administers this installation yet. The first administrator begins here, once:"
        yield f"  {address}setup#{plan.token}"
    for role, username, password in plan.sign_ins:
        yield f"  {role:<11} {username:<14} {password}"
    yield "Ctrl-C ends it."
    yield ""
