"""Commands that look: status of a running agent, what the store holds, why a command was sent."""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.cli.asking import ask_agent
from edge_agent.cli.output import EXPORTS, say
from edge_agent.cli.story import tell
from edge_agent.cli.surroundings import shell_settings, store_of
from edge_agent.errors import EdgeAgentError, UsageError
from edge_agent.knowledge.archive.sqlite import SqliteArchive
from edge_agent.model.harmless import harmless, json_text, spreadsheet_cell
from edge_agent.model.time import parse_rfc3339
from edge_agent.runtime.clock import UNSURE

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

_COLUMNS = dict(
    zip(
        EXPORTS,
        (
            ("node", "sensor", "value", "unit", "flag", "tests", "observed_at", "received_at", "seq"),
            ("node", "sensor", "threshold", "event", "at", "value", "by", "reason"),
            (
                *("id", "site", "node", "actuator", "action", "value", "issued_at", "expires_at", "lease_seconds"),
                *("epoch", "counter", "plan", "reason", "outcome", "attempts", "closed_at"),
            ),
            ("reason", "topic", "payload", "received_at", "encoding"),
        ),
        strict=True,
    )
)


def status(arguments: argparse.Namespace) -> int:
    """Print the status of the running agent."""
    found = ask_agent(shell_settings(arguments).http, "/status")
    if arguments.json:
        say(json_text(found, indent=2) + "\n")
        return 0
    console = Console()
    with console.capture() as shown:
        _show(console, found)
    say(shown.get(), as_it_is=True)
    return 0


def _show(console: Console, found: dict[str, Any]) -> None:
    head = f"{found['agent']} at {found['site']}, mode {found['mode']}, epoch {found['epoch']}, {found['at']}"
    console.print(_text(head))
    console.print(_text(f"clock: {_clock(found.get('clock', {}))}"))
    columns: tuple[str, ...] = ("node", "sensor", "name", "value", "unit", "flag", "judged_flag", "age_seconds")
    console.print(_table("Sensors", found["sensors"], columns))
    columns = ("node", "actuator", "name", "state", "value", "desired", "plan", "command")
    console.print(_table("Actuators", found["actuators"], columns))
    if found.get("interlocks"):
        columns = ("interlock", "kind", "state", "since", "reason", "refused")
        console.print(_table("Interlocks", found["interlocks"], columns))
    console.print(_table("Alarms", found["alarms"], ("alarm", "priority", "active", "acknowledged", "since", "reason")))
    console.print(_table("Nodes", found["nodes"], ("node", "name", "online", "breaker")))


def _clock(found: dict[str, Any]) -> str:
    quality = "right" if found.get("sure") else UNSURE
    return f"{quality}, boot {found['boot']}" if found.get("boot") else quality


def _table(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    columns = tuple(each for each in columns if each != "name" or any(row.get(each) for row in rows))
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_text("" if row.get(column) is None else _cell(row[column])) for column in columns))
    return table


def _text(text: str) -> Text:
    """Return what a node said as plain text: no markup is read in it, and no terminal obeys it."""
    return Text(harmless(text))


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def export(arguments: argparse.Namespace) -> int:
    """Print what the store holds, oldest first."""
    since = None
    if arguments.since is not None:
        try:
            since = parse_rfc3339(arguments.since)
        except ValueError as error:
            expected = "RFC 3339 with an offset, such as 2026-11-22T10:00:00Z"
            raise UsageError(f"--since: {arguments.since!r} is not an instant; expected {expected}") from error
    node = arguments.node or ""
    if node != node.lower():
        raise UsageError(f"--node {node}: ids are lower case: did you mean {node.lower()}?")
    store = store_of(arguments)
    asyncio.run(_export(store, arguments.what, since, arguments.node, as_csv=arguments.format == "csv"))
    return 0


async def _export(store: Path, what: str, since: int | None, node: str | None, *, as_csv: bool) -> None:
    columns = _COLUMNS[what]
    writer = csv.DictWriter(_Output(), columns, extrasaction="ignore", lineterminator="\n")
    if as_csv:
        writer.writeheader()
    async with SqliteArchive(store) as archive:
        async for record in archive.records(what.replace("-", "_"), since, node):
            if as_csv:
                writer.writerow({key: spreadsheet_cell(_flat(value)) for key, value in record.items()})
            else:
                say(json_text(record) + "\n")


class _Output:
    """Standard output for the csv module: files and pipes get the text as it is, a terminal gets it escaped."""

    def __init__(self) -> None:
        self._as_it_is = not sys.stdout.isatty()

    def write(self, text: str) -> None:
        say(text, as_it_is=self._as_it_is)


def _flat(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def explain(arguments: argparse.Namespace) -> int:
    """Print why a command was sent."""
    found = asyncio.run(_explain(store_of(arguments), arguments.command_id))
    if found is None:
        raise EdgeAgentError(f"the store knows no command {arguments.command_id}")
    say(json_text(found, indent=2) + "\n" if arguments.json else tell(found))
    return 0


async def _explain(store: Path, command_id: str) -> dict[str, Any] | None:
    async with SqliteArchive(store) as archive:
        return await archive.explain(command_id)
