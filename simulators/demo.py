"""The demonstration: callers, hotline, dispatchers and crews at work, through the real interfaces only.

Calls and steps go over HTTP as each person, orders come over JT/T 808 to each vehicle's terminal. Everything that
the actors know they read from there: after a restart of theirs or of the program they go on where things stand.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from zoneinfo import ZoneInfo

import click
import msgspec

from dispatch.clock import ScaledClock, SystemClock, clock_from
from dispatch.core.errors import BadInput
from dispatch.settings import Settings, from_environment
from simulators.actors.api import Jar, Person, Refused, Wire
from simulators.actors.calls import Calls
from simulators.actors.crew import CrewActor
from simulators.actors.desk import Dispatcher, Hotline
from simulators.actors.scenario import load_scenario
from simulators.actors.world import World, read_city
from simulators.people import People
from simulators.terminals import FileStore, Store, Terminal

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 (not bound here)

STOPPED = 60.0
"""Real seconds after which somebody who could not go on tries again."""

Work = Callable[[], Awaitable[None]]


@click.command()
@click.option(
    "--scenario",
    default="evening",
    show_default=True,
    envvar="DISPATCH45_SCENARIO",
    help="One that ships, or a file.",
)
@click.option("--seed", type=int, envvar="DISPATCH45_SEED", help="Instead of the scenario's own.")
def demo(scenario: str, seed: int | None) -> None:
    """Let the demonstration's people work."""
    settings = from_environment()
    world = _world(settings, scenario, seed)
    asyncio.run(_until_told(_act(settings, world)))


def _world(settings: Settings, scenario_name: str, seed: int | None) -> World:
    scenario = load_scenario(scenario_name)
    try:
        clock = clock_from(settings.clock, mark=settings.time_mark)
    except ValueError as error:
        raise BadInput(str(error)) from None
    return World(
        clock=clock,
        speed=clock.speed if isinstance(clock, ScaledClock) else 1.0,
        zone=ZoneInfo(settings.timezone),
        scenario=scenario,
        people=People(scenario.seed if seed is None else seed, scenario.behaviour_file),
        city=read_city(settings.data, settings.timezone, settings.language.startswith("zh")),
        tell=click.echo,
    )


async def _act(settings: Settings, world: World) -> None:
    host = LOOPBACK.get(settings.host, settings.host)
    wire = Wire(f"http://{host}:{settings.port}")
    store = FileStore(settings.data / "demo" / "terminals.sqlite")
    world.say("demo", world.scenario.title)
    try:
        async with asyncio.TaskGroup() as tasks:
            for who, work in _everybody(settings, world, wire, store):
                tasks.create_task(_keep(world, who, work), name=who)
    finally:
        store.close()
        await wire.close()


def _everybody(settings: Settings, world: World, wire: Wire, store: Store) -> Iterator[tuple[str, Work]]:
    """Everybody's name and work. Whom a person plays, only lives: calls come in, the vehicle drives."""
    city = world.city
    by_hand = {name.strip() for name in settings.by_hand.split(",") if name.strip()}
    calls = Calls(world.scenario, world.people.seed, city.places, world.zone)
    jar = Jar(settings.data / "demo" / "sessions.json")
    crews = {crew["id"]: crew for crew in city.organisation["crews"]}
    for one in city.organisation["people"]:
        name = str(one["username"])
        person = Person(wire, name, city.passwords[name], jar)
        played = name in by_hand
        if one["role"] == "hotline":
            hotline = Hotline(world, person, calls)
            if not played:
                yield name, hotline.work
            yield name, hotline.answer_calls
        elif one["role"] == "dispatcher" and not played:
            yield name, Dispatcher(world, person).work
        elif one["role"] == "crew":
            crew = crews[one["crew_id"]]
            terminal = _terminal(settings, world, crew, store)
            yield name, CrewActor(world, crew, person, terminal, played=played).run


async def _keep(world: World, who: str, work: Work) -> None:
    """One who may not work (signed off, left the organisation) tries again later; the others go on."""
    while True:
        try:
            await work()
        except* (Refused, msgspec.DecodeError) as problems:
            world.say(who, f"cannot go on, tries again later: {_first(problems)}")
        await SystemClock().sleep(STOPPED)


def _first(problems: BaseException) -> BaseException:
    return _first(problems.exceptions[0]) if isinstance(problems, BaseExceptionGroup) else problems


def _terminal(settings: Settings, world: World, crew: dict[str, dict[str, str]], store: Store) -> Terminal:
    vehicle, host = crew["vehicle"], LOOPBACK.get(settings.host, settings.host)
    return Terminal(
        vehicle["device"], host, settings.jt808_port, world.clock, store=store, plate=vehicle["plate"]
    )


async def _until_told(work: Coroutine[None, None, None]) -> None:
    """Run until SIGTERM or SIGINT; terminals and cookies need no goodbye."""
    acting = asyncio.create_task(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, acting.cancel)
    with suppress(asyncio.CancelledError):
        await acting
