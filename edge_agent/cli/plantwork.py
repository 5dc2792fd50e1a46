"""Commands about the plant and its stores: check the files, apply them, migrate, simulate the water."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.cli.output import say
from edge_agent.cli.run import single, stop_on_signals
from edge_agent.cli.surroundings import (
    ReadableFiles,
    database_settings,
    refuse_to_begin,
    refuse_unwritable,
    surroundings,
)
from edge_agent.container.outlet import connection_settings
from edge_agent.container.plant import BrokerBus, open_simulation
from edge_agent.errors import UsageError
from edge_agent.knowledge.kinds.registry import UTILITIES
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.logs import logs_off_the_loop
from edge_agent.runtime.clock import UNSURE, SystemClock
from edge_agent.settings.agent import load_settings
from edge_agent.settings.check import explained, look_over
from edge_agent.settings.hosts import place
from edge_agent.settings.plantfile import find_plant, load_plant, load_plant_file
from edge_agent.simulate.dayrecord import day_lines
from edge_agent.simulate.faults import Faults
from edge_agent.simulate.live import run_live
from edge_agent.simulate.scaffold import scaffolded

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from edge_agent.model.plant import Plant
    from edge_agent.ports.policy import Change
    from edge_agent.settings.agent import Settings
    from edge_agent.simulate.plant import PlantSimulation


def check(arguments: argparse.Namespace) -> int:
    """Print a line for everything that is wrong in both files, or that nothing is, and whether the clock may be."""
    around = surroundings(arguments.config, os.environ)
    seen = ReadableFiles(around)
    problems, risky = look_over(arguments.config, arguments.plant, around.environ, reads=seen)
    for problem in problems:
        say(f"{problem}\n")
    for risk in risky:
        say(f"warning: {risk}\n")
    for note in seen.notes:
        say(f"note: {note}\n")
    if not problems:
        say("settings and plant file are fine\n")
        for line in explained(arguments.plant) if arguments.explain else ():
            say(f"{line}\n")
        if not SystemClock().now().sure:
            say(f"note: {UNSURE}\n")
    return 2 if problems or (risky and arguments.strict) else 0


def apply(arguments: argparse.Namespace) -> int:
    """Write a plant file into the knowledge store and print what changed."""
    settings = database_settings(arguments)
    plant = load_plant(arguments.plant_file)
    changes = asyncio.run(_apply(settings, plant, dry_run=arguments.dry_run))
    for change in changes:
        say(f"{change}\n")
    if not changes:
        say("nothing to change\n")
    return 0


async def _apply(settings: Settings, plant: Plant, *, dry_run: bool) -> list[Change]:
    utility = settings.utility()
    if utility is None:
        refuse_unwritable(settings.store.path)
        if dry_run and not settings.store.path.exists():
            return differences({}, catalogue(plant))  # to look does not begin a store
        refuse_to_begin(settings.store.path)
    opened = SqliteStore(settings.store.path) if utility is None else utility.open(plant.site)
    async with opened as store:
        return await store.apply(plant, dry_run=dry_run)


def migrate(arguments: argparse.Namespace) -> int:
    """Bring the schema of the utility's store up to date and print what was done."""
    utility = database_settings(arguments).utility()
    if utility is None:
        keys = [f"{kind.name}.{key}" for kind in UTILITIES for key in (kind.where, f"{kind.where}_file")]
        raise UsageError(f"there is nothing to migrate: neither {' nor '.join(keys)} is set")
    done = asyncio.run(utility.migrate())
    for version in done.reached:
        say(f"the schema has version {version} now\n")
    if not done.reached:
        say(f"nothing to do: the schema has version {done.version}\n")
    return 0


def simulate(arguments: argparse.Namespace) -> int:
    """Run the plant alone, or print a first plant file for a network."""
    _look_at(arguments.network)
    if arguments.scaffold:
        found = scaffolded(arguments.network, arguments.site)
        say(found.text)
        for sentence in found.unsaid:
            print(f"not said: {sentence}", file=sys.stderr)  # noqa: T201 - the file goes to standard output
        return 0
    settings = load_settings(arguments.config, os.environ)
    file = load_plant_file(find_plant(arguments.plant))
    faults = Faults.parse(arguments.fault, arguments.seed)
    with (
        logs_off_the_loop(settings.log.level, settings.log.format, SystemClock().steady),
        open_simulation(file, arguments.network, faults, speed=arguments.speed) as simulation,
    ):
        return single(lambda: asyncio.run(_simulate(settings, simulation, arguments.duration)))


def _look_at(network: Path) -> None:
    try:
        network.open("rb").close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{network} cannot be read: {reason}; expected an EPANET network (.inp)") from error


async def _simulate(settings: Settings, simulation: PlantSimulation, duration: float | None) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop.set, also_when_the_terminal_closes=True)
    site = simulation.plant.site
    topics = Topics(settings.mqtt.topic_prefix, site, settings.agent.id)
    bus = BrokerBus(connection_settings(settings, f"edge-agent-plant-{site}"), topics)
    broker = place(settings.mqtt.host, settings.mqtt.port)
    logger.bind(site=site, nodes=len(simulation.nodes), broker=broker).info("The simulated plant is running")
    running = run_live(simulation, bus, SystemClock())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration), asyncio.TaskGroup() as group:
            plant = group.create_task(running, name="plant")
            await stop.wait()
            plant.cancel()
    logger.info("The simulated plant has stopped")
    for line in day_lines(simulation.day(), simulation.hydraulics.network):
        say(f"{line}\n")
    return 0
