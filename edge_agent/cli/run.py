"""Commands that run the loop: the agent itself, and a recording once more."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from loguru import logger

from edge_agent.cli.deadline import EndDeadline
from edge_agent.cli.eventloop import run_in
from edge_agent.cli.memory import ending_without_memory, watch_callbacks
from edge_agent.cli.output import say
from edge_agent.container.agent import open_agent
from edge_agent.errors import EdgeAgentError, RecordingError, UsageError
from edge_agent.known import Knowledge
from edge_agent.model.harmless import json_text
from edge_agent.model.inbox import PlantChange, PolicyChange
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import rfc3339
from edge_agent.mqtt import wire
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.logs import logs_off_the_loop
from edge_agent.observe.servicemanager import ServiceManager
from edge_agent.runtime.clock import SystemClock
from edge_agent.runtime.recording import Header, Recording
from edge_agent.runtime.recordingfile import RecordingFile, lines_of
from edge_agent.settings.agent import load_settings
from edge_agent.settings.check import told_at_start
from edge_agent.settings.hosts import place
from edge_agent.settings.plantfile import find_plant, load_plant, load_plant_file
from edge_agent.turn import run_turn
from edge_agent.version import installed_version

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from edge_agent.model.plant import Plant
    from edge_agent.model.time import Moment
    from edge_agent.model.turn import Turn
    from edge_agent.observe.logwriter import LogWriter
    from edge_agent.ports.clock import Clock
    from edge_agent.runtime.agent import Parts
    from edge_agent.settings.agent import Settings
    from edge_agent.settings.plantfile import PlantFile

#: So many of the plant file's risks are told at the start.
_MOST_RISKS = 20
#: So many more objects than were let go make the garbage collector look at the young ones.
_YOUNG_OBJECTS = 20_000


def run(
    arguments: argparse.Namespace, *, rewire: Callable[[Parts], Parts] | None = None, clock: Clock | None = None
) -> int:
    """Run the agent until SIGTERM or SIGINT; `rewire` and `clock` as in `open_agent`."""
    with ExitStack() as stack:
        gc.disable()  # until all is there: while 10,000 sensors are made it would look at them again and again
        stack.callback(gc.enable)
        settings = load_settings(arguments.config, os.environ)
        file = load_plant_file(find_plant(arguments.plant))
        # The terminal may close, the station is controlled on.
        stack.callback(signal.signal, signal.SIGHUP, signal.signal(signal.SIGHUP, signal.SIG_IGN) or signal.SIG_DFL)
        log = stack.enter_context(logs_off_the_loop(settings.log.level, settings.log.format, SystemClock().steady))
        _tell_risks(file)
        recording = None if arguments.record is None else stack.enter_context(written(arguments.record))
        deadline = EndDeadline(log)
        stack.callback(deadline.cancel)
        return single(
            lambda: run_in(
                settings.agent.event_loop, lambda: _run(settings, file.plant, recording, rewire, clock, log, deadline)
            )
        )


def _tell_risks(file: PlantFile) -> None:
    """Log what `check` would warn of, the first of it where it is much."""
    found = told_at_start(file)
    for risk in found[:_MOST_RISKS]:
        logger.warning(f"The plant file is risky: {risk}")
    if len(found) > _MOST_RISKS:
        logger.warning(
            "The plant file is risky in {count} more ways: see edge-agent check", count=len(found) - _MOST_RISKS
        )


async def _run(
    settings: Settings,
    plant: Plant,
    recording: RecordingFile | None,
    rewire: Callable[[Parts], Parts] | None,
    clock: Clock | None,
    log: LogWriter,
    deadline: EndDeadline,
) -> int:
    watch_callbacks(asyncio.get_running_loop())
    manager = ServiceManager(os.environ, os.getpid())
    async with open_agent(
        settings,
        plant,
        clock=clock,
        observers=(manager,),
        recording=recording,
        rewire=rewire,
        lost_lines=lambda: log.lost,
    ) as running:

        def stop() -> None:
            manager.stopping()
            deadline.begin(lambda: running.agent.unwritten)
            running.agent.stop()

        stop_on_signals(stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _hang_up)
        _collect_what_comes()

        def started() -> None:
            logger.bind(
                version=installed_version(),
                site=plant.site,
                agent=settings.agent.id,
                mode=settings.control.mode,
                broker=place(settings.mqtt.host, settings.mqtt.port),
                http=place(settings.http.host, running.http_port),
            ).info("The agent has started")

        with ending_without_memory():
            await running.agent.run(started)
    return 0


def _collect_what_comes() -> None:
    """Exempt what exists now from garbage collection, and collect less often.

    Nothing on the way of a reading is part of a cycle. With 10,000 sensors' readings held it is 9 µs each, not 11.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    gc.enable()


def _hang_up() -> None:
    logger.info("SIGHUP is ignored: run edge-agent apply to change limits and plans, restart to read the settings")


def stop_on_signals(stop: Callable[[], None], *, also_when_the_terminal_closes: bool = False) -> None:
    """Call `stop` at SIGTERM or SIGINT, and at SIGHUP unless it is ignored, as with nohup. Needs a running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if also_when_the_terminal_closes and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop)


def single(function: Callable[[], int]) -> int:
    """Run, and let one error of ours out of the group that a TaskGroup makes of it."""
    try:
        return function()
    except BaseExceptionGroup as group:
        ours = group.subgroup(EdgeAgentError)
        if ours is None:
            raise
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group


@contextmanager
def written(path: Path) -> Iterator[RecordingFile]:
    """Open a recording to append to. Raises UsageError where it cannot be written."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(RecordingFile(path))
        except RecordingError as error:
            raise UsageError(str(error)) from error
        yield file


def replay(arguments: argparse.Namespace) -> int:
    """Run a recording through the loop and print what is decided, a JSON line each."""
    settings = load_settings(arguments.config, os.environ)
    plant = None if arguments.plant is None else load_plant(arguments.plant)
    try:
        for line in replayed(lines_of(arguments.file, _tell_missing), plant, settings):
            say(line + "\n")
    except OSError as error:
        raise UsageError(f"{arguments.file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{arguments.file} is not UTF-8 text") from error
    return 0


def _tell_missing(number: int) -> None:
    sys.stderr.write(f"line {number}: its end is missing, it is left out\n")


def replayed(lines: Iterable[str], plant: Plant | None, settings: Settings) -> Iterator[str]:
    """Yield the alarm events, decisions, commands and their outcomes of a recording. Raises RecordingError.

    It is judged by what the agent knew when it was recorded; by a plant from nothing on where one is given, or where
    the recording does not tell.
    """
    recording = Recording(lines)
    knowledge: Knowledge | None = None
    for part in recording.parts():
        if isinstance(part, Header):
            if part.state is None and plant is None:
                plant = load_plant(find_plant(None))
            recording.parse = _topics(part, plant, settings).parse
            if part.lost:
                sys.stderr.write(f"{part.lost} turns are missing: they came faster than they could be written\n")
            if plant is None:
                knowledge = part.knowledge()
            elif part.start:
                knowledge = None
            continue
        if knowledge is None:
            knowledge = _anew(plant, recording.header, part.now, settings)
        if plant is not None:  # it judges, not what was put in force then
            events = part.inbox.events
            part.inbox.events = [each for each in events if not isinstance(each, PolicyChange | PlantChange)]
        for found in _decided(run_turn(knowledge, part.inbox, part.now)):
            yield json_text({"at": rfc3339(part.now.at), **found})


def _topics(header: Header, plant: Plant | None, settings: Settings) -> Topics:
    site = header.site if plant is None else plant.site
    return Topics(header.topic_prefix or settings.mqtt.topic_prefix, site or "", header.agent)


def _anew(plant: Plant | None, header: Header, now: Moment, settings: Settings) -> Knowledge:
    """Return what an agent knows that has never run. Raises RecordingError where nobody has told of a plant."""
    if plant is None:
        raise RecordingError("the recording does not tell what the agent knew")
    return Knowledge(
        plant,
        plant.policy,
        Remembered(epoch=header.epoch),
        now,
        agent=header.agent,
        mode=header.mode,
        future_tolerance_seconds=settings.quality.future_tolerance_seconds,
    )


def _decided(turn: Turn) -> Iterator[dict[str, Any]]:
    for letter in turn.dead_letters:
        yield {"dead_letter": letter.reason, "topic": letter.topic}
    for event in turn.alarm_events:
        yield {"alarm": str(event.key), "event": str(event.event), "value": event.value, "reason": event.reason}
    for decision in turn.decisions:
        yield {
            "decision": decision.verdict,
            "actuator": decision.actuator,
            "action": decision.action,
            "value": decision.value,
            "plan": decision.plan,
            "reason": decision.reason,
            "checks": [check._asdict() for check in decision.checks],
            "command_id": decision.command_id,
        }
    for command in turn.commands:
        yield {"command": json.loads(wire.command(command))}
    for step in turn.command_events:
        yield {"command_id": step.command_id, "state": str(step.state), "detail": step.detail}
