"""The demo: broker, plant and agent in one process, on one clock, shown while they run and summed up at the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from loguru import logger

from edge_agent.container.agent import open_agent
from edge_agent.container.outlet import connection_settings
from edge_agent.container.plant import BrokerBus, network_of, open_simulation
from edge_agent.demo.facts import DemoFacts, midnight
from edge_agent.demo.plain import PlainLines
from edge_agent.demo.screen import HeldLog, show_live, show_plain
from edge_agent.demo.summary import Totals, summary
from edge_agent.demo.tally import Tally
from edge_agent.demo.view import Picture
from edge_agent.demo.yardstick import Yardstick, yardstick
from edge_agent.errors import BrokerUnavailableError
from edge_agent.mqtt.broker import open_broker
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.logs import configure_logs, logs_off_the_loop
from edge_agent.runtime.clock import ScaledClock, SystemClock
from edge_agent.settings.stores import emptied
from edge_agent.simulate.hydraulics import native
from edge_agent.simulate.live import run_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractAsyncContextManager

    from rich.console import Console

    from edge_agent.container.agent import Running
    from edge_agent.mqtt.broker import Address
    from edge_agent.ports.observing import Lines
    from edge_agent.settings.agent import Settings
    from edge_agent.settings.plantfile import PlantFile
    from edge_agent.simulate.network import DayRecord
    from edge_agent.simulate.plant import PlantSimulation

#: Real seconds: how long the agent may be without its broker, and how long open commands may take at the end.
CONNECT_SECONDS = 10.0
SETTLE_SECONDS = 3.0
_PROBE_SECONDS = 0.02
_GUARD_SECONDS = 0.5
#: The log of turns says what the demo shows by itself.
_TOLD_OTHERWISE = "edge_agent.observe.journal"


@dataclass(frozen=True, slots=True)
class ShowOptions:
    """How the demo is to run. `duration` in real seconds, None for until it is stopped; `live` needs a terminal.

    `watch` is given what each frame of the live view is drawn from, to draw it elsewhere as well.
    """

    speed: float = 60.0
    duration: float | None = None
    live: bool = False
    recording: Lines | None = None
    watch: Callable[[Picture], None] | None = None


async def show(
    settings: Settings,
    file: PlantFile,
    options: ShowOptions,
    console: Console,
    stop: asyncio.Event,
    *,
    broker_of: Callable[[], AbstractAsyncContextManager[Address]] = open_broker,
) -> None:
    """Run the demo until its duration is over or `stop` is set, and print its summary; plain lines on standard output.

    Raises (perhaps in a group) EdgeAgentError where a part cannot start or fails on the way, and BrokenPipeError where
    nobody reads the plain lines any more.
    """
    with logs_of_the_demo(settings, live=options.live) as log:
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="edge-agent-demo-"))
            broker = await stack.enter_async_context(broker_of())
            simulation = stack.enter_context(open_simulation(file, None))
            demo = _Demo(
                demo_settings(settings, broker, Path(folder)), file, options, console, stop, broker, simulation
            )
            demo.log = log
            await demo.run()
        if not demo.heard:
            raise BrokenPipeError
        numbers = demo.numbers(native(network_of(file), demo.day.seconds / 3600))
    console.print(summary(numbers))


def demo_settings(settings: Settings, broker: Address, folder: Path) -> Settings:
    """Keep the user's settings, but for what the demo brings along: broker, store and, where taken, the port.

    Nothing is gathered: its time runs faster than the wall's, and so few milliseconds are the interval of a sensor.
    """
    own = {"host": broker.host, "port": broker.port, "username": None, "password": None, "password_file": None}
    http = settings.http
    return settings.model_copy(
        update={
            "mqtt": settings.mqtt.model_copy(update={**own, "tls": None, "gather_seconds": 0.0}),
            "store": settings.store.model_copy(update={"path": folder / "demo.db"}),
            **emptied(),  # a demo leaves no trace in the utility's store
            "http": http.model_copy(update={"port": http.port if _free(http.host, http.port) else 0}),
        }
    )


def _free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


@contextmanager
def logs_of_the_demo(settings: Settings, *, live: bool) -> Iterator[HeldLog | None]:
    """Log warnings only, off the loop; while the screen is in use keep them, and write them afterwards."""
    held = HeldLog() if live else None
    severe = settings.log.level if settings.log.level in {"ERROR", "CRITICAL"} else "WARNING"
    with logs_off_the_loop(severe, settings.log.format, SystemClock().steady) as writer:
        if held is not None:
            configure_logs(severe, settings.log.format, held)
        logger.disable(_TOLD_OTHERWISE)
        try:
            yield held
        finally:
            logger.enable(_TOLD_OTHERWISE)
            for line in held.take() if held is not None else ():
                writer.put(line)


class _Demo:
    """One run: wires the parts, waits, and keeps what the summary needs."""

    def __init__(
        self,
        settings: Settings,
        file: PlantFile,
        options: ShowOptions,
        console: Console,
        stop: asyncio.Event,
        broker: Address,
        simulation: PlantSimulation,
    ) -> None:
        self._settings, self._file, self._options, self._console, self._stop = settings, file, options, console, stop
        self._broker, self._simulation = broker, simulation
        self._yardstick: Yardstick = yardstick(file, simulation.hydraulics.network)
        # One step of a course is a second of real time: what is drawn has room for the last two minutes.
        self._tally = Tally(course_seconds=options.speed)
        self._plain = PlainLines(self._say, self._tally)
        self._clock = ScaledClock(options.speed, start=midnight(SystemClock().now().at))
        self._real_seconds = 0.0
        self.heard = True
        self.log: HeldLog | None = None
        self.day: DayRecord = simulation.day()

    async def run(self) -> None:
        """Open the agent and let everything run."""
        observers = (self._tally,) if self._options.live else (self._tally, self._plain)
        async with open_agent(
            self._settings,
            self._file.plant,
            clock=self._clock,
            observers=observers,
            recording=self._options.recording,
        ) as running:
            await self._play(running)

    async def _play(self, running: Running) -> None:
        async with asyncio.TaskGroup() as group:
            agent = group.create_task(running.agent.run(), name="agent")
            await self._connected(running)
            began = self._clock.steady()
            plant = group.create_task(run_live(self._simulation, self._bus(), self._clock), name="plant")
            beside = [
                group.create_task(self._show(running), name="screen"),
                group.create_task(self._guard(running), name="guard"),
            ]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.duration):
                    await self._stop.wait()
            await self._settle()
            running.agent.stop()
            await asyncio.wait([agent])
            self.day, self._real_seconds = self._simulation.day(), self._clock.steady() - began
            for task in (plant, *beside):
                task.cancel()

    def _bus(self) -> BrokerBus:
        mqtt, site = self._settings.mqtt, self._file.plant.site
        topics = Topics(mqtt.topic_prefix, site, self._settings.agent.id)
        return BrokerBus(connection_settings(self._settings, f"edge-agent-plant-{site}"), topics)

    async def _connected(self, running: Running) -> None:
        """Wait for the agent's connection: then it hears the plant from its first word."""
        try:
            await _until(lambda: running.session.connected or self._stop.is_set(), CONNECT_SECONDS)
        except TimeoutError:
            raise BrokerUnavailableError(f"the agent cannot reach the {self._broker_text()}") from None

    async def _guard(self, running: Running) -> NoReturn:
        """Fail when the broker is gone for good: it is the demo's own and nobody will start it again."""
        last = self._clock.steady()
        while self._clock.steady() - last < CONNECT_SECONDS:
            await asyncio.sleep(_GUARD_SECONDS)
            if running.session.connected:
                last = self._clock.steady()
        raise BrokerUnavailableError(f"the agent has lost the {self._broker_text()}")

    async def _settle(self) -> None:
        """Give commands that are on their way a moment, so that the summary knows their outcome."""
        with contextlib.suppress(TimeoutError):
            await _until(lambda: not self._tally.open_commands, SETTLE_SECONDS)

    async def _show(self, running: Running) -> None:
        facts = self._facts(running)
        if self._options.live:
            await show_live(self._console, lambda: self._picture(running, facts))
        self._say(f"{facts.site}: plant time runs {facts.speed:g} times as fast, through {facts.broker}")
        self._say(f"metrics and health: {facts.metrics}")
        await show_plain(lambda: self._plain.status(running.agent.snapshot()))

    def _facts(self, running: Running) -> DemoFacts:
        return DemoFacts(
            self._file.site_name or self._file.plant.site,
            self._options.speed,
            f"{self._broker.kind} :{self._broker.port}" if self._options.live else self._broker_text(),
            f"http://{self._settings.http.host}:{running.http_port}/metrics",
            self._clock.now().at,
            self._yardstick.thresholds,
            self._yardstick.spans(),
        )

    def _picture(self, running: Running, facts: DemoFacts) -> Picture:
        starts = self._yardstick.starts(self._simulation.day())
        held = self.log.count if self.log is not None else 0
        notes = (f"log lines {held}, shown at the end",) if held else ()
        picture = Picture(running.agent.snapshot(), self._tally, facts, starts, notes)
        if self._options.watch is not None:
            self._options.watch(picture)
        return picture

    def _broker_text(self) -> str:
        return f"broker ({self._broker.kind} at {self._broker.host}:{self._broker.port})"

    def _say(self, line: str) -> None:
        """Print a line at once. When nobody listens any more the demo ends."""
        try:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self.heard = False
            self._stop.set()

    def numbers(self, native_day: DayRecord) -> Totals:
        """Collect what the summary says."""
        tally = self._tally
        return Totals(
            self._file.site_name or self._file.plant.site,
            self.day.seconds,
            self._real_seconds,
            self._options.speed,
            self._broker.kind,
            tally.readings,
            tally.dead_letters,
            tally.raised,
            tally.cleared,
            tally.outcomes,
            tally.open_commands,
            self._yardstick.tanks(self.day, native_day),
            self._yardstick.compared_pumps(self.day, native_day),
        )


async def _until(condition: Callable[[], object], seconds: float) -> None:
    """Wait for a condition. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it is asked a few times in the demo's life, by nobody else
            await asyncio.sleep(_PROBE_SECONDS)
