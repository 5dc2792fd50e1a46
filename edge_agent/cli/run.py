"""Commands that run the loop: the agent itself, and a recording once more."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from loguru import logger

from edge_agent.cli.memory import ending_without_memory, watch_callbacks
from edge_agent.cli.output import say
from edge_agent.container.agent import open_agent
from edge_agent.errors import EdgeAgentError, RecordingError, UsageError
from edge_agent.model.remembered import Remembered
from edge_agent.model.time import rfc3339
from edge_agent.mqtt import wire
from edge_agent.mqtt.topics import Topics
from edge_agent.observe.logs import configure_logs
from edge_agent.runtime.recording import Recording
from edge_agent.settings.agent import load_settings
from edge_agent.settings.plantfile import find_plant, load_plant
from edge_agent.turn import Knowledge, run_turn
from edge_agent.version import installed_version

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

    from edge_agent.model.plant import Plant
    from edge_agent.runtime.agent import Parts
    from edge_agent.runtime.clock import Clock
    from edge_agent.settings.agent import Settings
    from edge_agent.turn import Turn

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
        plant = load_plant(find_plant(arguments.plant))
        configure_logs(settings.log.level, settings.log.format)
        recording = None if arguments.record is None else stack.enter_context(written(arguments.record))
        return single(lambda: asyncio.run(_run(settings, plant, recording, rewire, clock)))


async def _run(
    settings: Settings,
    plant: Plant,
    recording: IO[str] | None,
    rewire: Callable[[Parts], Parts] | None,
    clock: Clock | None,
) -> int:
    async with open_agent(settings, plant, clock=clock, recording=recording, rewire=rewire) as running:
        stop_on_signals(running.agent.stop)
        watch_callbacks(asyncio.get_running_loop())
        _collect_what_comes()

        def started() -> None:
            logger.bind(
                version=installed_version(),
                site=plant.site,
                agent=settings.agent.id,
                mode=settings.control.mode,
                broker=f"{settings.mqtt.host}:{settings.mqtt.port}",
                http=f"{settings.http.host}:{running.http_port}",
            ).info("The agent has started")

        with ending_without_memory():
            await running.agent.run(started)
    return 0


def _collect_what_comes() -> None:
    """Let the garbage collector look at what comes from now on only, and less often: what is there stays.

    Nothing on the way of a reading is part of a cycle. With 10,000 sensors' readings held it is 9 µs each, not 11.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)
    gc.enable()


def stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGTERM or SIGINT. Needs a running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


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
def written(path: Path) -> Iterator[IO[str]]:
    """Open a recording to write. Raises UsageError where it cannot be written."""
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield file
    finally:
        try:
            file.close()
        except OSError as error:  # what was still in the buffer found no room
            logger.bind(error=str(error)).error("The recording is not complete")


def replay(arguments: argparse.Namespace) -> int:
    """Run a recording through the loop and print what is decided, a JSON line each."""
    settings = load_settings(arguments.config, os.environ)
    plant = load_plant(find_plant(arguments.plant))
    try:
        with arguments.file.open(encoding="utf-8") as lines:
            for line in replayed(lines, plant, settings):
                say(line + "\n")
    except OSError as error:
        raise UsageError(f"{arguments.file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{arguments.file} is not UTF-8 text") from error
    return 0


def replayed(lines: IO[str], plant: Plant, settings: Settings) -> Iterator[str]:
    """Yield the alarm events, decisions, commands and their outcomes of a recording. Raises RecordingError."""
    recording = Recording(lines, Topics(settings.mqtt.topic_prefix, plant.site, settings.agent.id).parse)
    header = recording.header
    knowledge = Knowledge(
        plant,
        plant.policy,
        Remembered(epoch=header.epoch),
        recording.start,
        agent=header.agent,
        mode=header.mode,
        future_tolerance_seconds=settings.quality.future_tolerance_seconds,
    )
    for now, inbox in recording.turns():
        for found in _decided(run_turn(knowledge, inbox, now)):
            yield json.dumps({"at": rfc3339(now.at), **found}, ensure_ascii=False)


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
