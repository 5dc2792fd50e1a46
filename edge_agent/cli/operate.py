"""Commands of people to the running agent: the end of a suspension, of a lock-out, of a latched trip."""

from __future__ import annotations

import asyncio
import getpass
import os
from typing import TYPE_CHECKING, Literal

from edge_agent.cli.output import say
from edge_agent.cli.surroundings import refuse_unwritable, store_of
from edge_agent.errors import UsageError
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.inbox import Operation

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def release(arguments: argparse.Namespace) -> int:
    """Give equipment back to the agent that a hand at its panel has taken."""
    return _operate("release", arguments)


def reset(arguments: argparse.Namespace) -> int:
    """End the lock-out of an actuator, a suspension, and the trips that have latched; or the trip of an interlock."""
    return _operate("reset", arguments)


def _operate(word: Literal["release", "reset"], arguments: argparse.Namespace) -> int:
    """Leave an operation for the agent; it takes it within a second or two."""
    node, slash, actuator = arguments.target.partition("/")
    is_interlock = word == "reset" and bool(node) and not slash
    if not (node and slash and actuator) and not is_interlock:
        expected = "NODE/ACTUATOR, or an interlock" if word == "reset" else "NODE/ACTUATOR"
        raise UsageError(f"{arguments.target} is not an actuator; expected {expected}")
    if arguments.target != arguments.target.lower():
        raise UsageError(f"{arguments.target}: ids are lower case: did you mean {arguments.target.lower()}?")
    path = store_of(arguments)
    refuse_unwritable(path)
    operation = Operation(word, arguments.target, _who(), arguments.reason)
    asyncio.run(_ask(path, operation))
    say(f"{word} of {operation.target} is left for the agent; `edge-agent status` shows what became of it\n")
    return 0


def _who() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())


async def _ask(path: Path, operation: Operation) -> None:
    async with SqliteStore(path) as store:
        await store.ask(operation)
