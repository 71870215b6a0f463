"""The demonstration: callers, hotline, dispatchers and crews at work, through the real interfaces only.

Calls and steps go over HTTP as each person, orders come over JT/T 808 to each vehicle's terminal. Everything that
the actors know they read from there: after a restart of theirs or of the program they go on where things stand.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from zoneinfo import ZoneInfo

import click

from dispatch.clock import ScaledClock, clock_from
from dispatch.core.errors import BadInput
from dispatch.settings import Settings, from_environment
from simulators.actors.api import Person, Wire
from simulators.actors.calls import Calls
from simulators.actors.crew import CrewActor
from simulators.actors.desk import Dispatcher, Hotline
from simulators.actors.scenario import load_scenario
from simulators.actors.world import World, read_city
from simulators.people import People
from simulators.terminals import FileStore, Store, Terminal

LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104 (not bound here)


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
        clock = clock_from(settings.clock)
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
    city = world.city
    people = {name: Person(wire, name, password) for name, password in city.passwords.items()}
    calls = Calls(world.scenario, world.people.seed, city.places, world.zone)
    world.say("demo", world.scenario.title)
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in city.organisation["people"]:
                if one["role"] == "hotline":
                    hotline = Hotline(world, people[one["username"]], calls)
                    tasks.create_task(hotline.work())
                    tasks.create_task(hotline.answer_calls())
                elif one["role"] == "dispatcher":
                    tasks.create_task(Dispatcher(world, people[one["username"]]).work())
            crews = {
                one["crew_id"]: one["username"] for one in city.organisation["people"] if one.get("crew_id")
            }
            for crew in city.organisation["crews"]:
                terminal = _terminal(settings, host, world, crew, store)
                tasks.create_task(CrewActor(world, crew, people[crews[crew["id"]]], terminal).run())
    finally:
        store.close()
        await wire.close()


def _terminal(
    settings: Settings, host: str, world: World, crew: dict[str, dict[str, str]], store: Store
) -> Terminal:
    vehicle = crew["vehicle"]
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
