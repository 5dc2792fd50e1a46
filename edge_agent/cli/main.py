"""The command line: what can be asked, and what an error looks like."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from edge_agent.cli.output import EXPORTS, ReaderGoneError, finish, forsake_output
from edge_agent.errors import EdgeAgentError, UsageError
from edge_agent.model.harmless import harmless_lines
from edge_agent.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Sequence


_OPERATIONS = {
    "release": "give equipment back to the agent that a hand at its panel has taken",
    "reset": "end the lock-out of an actuator and the trips that have latched, or the trip of an interlock",
}


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="edge-agent", description="The edge agent of a pumping station.")
    parser.add_argument("--version", action="version", version=installed_version())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, module: str, text: str, *, plant: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(module=module, command=name)
        added.add_argument("--config", type=Path, metavar="F", help="settings; default config/agent.toml")
        if plant:
            added.add_argument("--plant", type=Path, metavar="F", help="plant file; default config/plant.toml")
        return added

    running = command("run", "run", "run the agent", plant=True)
    running.add_argument("--record", type=Path, metavar="F", help="record what comes in, for replay")
    _add_demo(command("demo", "demo", "broker, plant and agent in one process", plant=True))
    _add_simulate(command("simulate", "plantwork", "the plant alone, behind MQTT nodes", plant=True))
    checking = command("check", "plantwork", "say everything that is wrong or risky in both files", plant=True)
    checking.add_argument("--strict", action="store_true", help="exit 2 for what is risky too")
    checking.add_argument("--explain", action="store_true", help="print what is in force, and why")
    applying = command("apply", "plantwork", "put a plant file in force, at once and over restarts")
    applying.add_argument("plant_file", type=Path, metavar="PLANT_FILE")
    applying.add_argument("--dry-run", action="store_true", help="only print what would change")
    command("migrate", "plantwork", "bring the schema of the utility's store up to date")
    for word, text in _OPERATIONS.items():
        operating = command(word, "operate", text)
        operating.add_argument("target", metavar="NODE/ACTUATOR" if word == "release" else "NODE/ACTUATOR|INTERLOCK")
        operating.add_argument("--reason", required=True, metavar="TEXT", help="why, for the record")
    command("status", "look", "look at a running agent").add_argument("--json", action="store_true")
    explaining = command("explain", "look", "why a command was sent")
    explaining.add_argument("command_id", metavar="COMMAND_ID")
    explaining.add_argument("--json", action="store_true")
    _add_plan(command("plan", "plan", "which plans apply and why; why an actuator does what it does"))
    _add_export(command("export", "look", "print what the store holds"))
    _add_qc(command("qc", "qc", "run the quality tests of a sensor over a recorded series", plant=True))
    _add_devices(command("devices", "devices", "what devices say on the broker, and a plant file for it"))
    described = command("schema", "schema", "print the JSON Schema of the plant file, or of the settings")
    described.add_argument("file", choices=("plant", "settings"))
    replaying = command("replay", "run", "run recorded messages through the loop", plant=True)
    replaying.add_argument("file", type=Path, metavar="FILE.jsonl")
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--duration", type=_positive, metavar="S", help="end after so many real seconds")
    parser.add_argument("--speed", type=_positive, default=60.0, metavar="N", help="times real time; default 60")
    parser.add_argument("--plain", action="store_true", help="lines instead of the live view")
    parser.add_argument("--record", type=Path, metavar="F", help="record what comes in, for replay")


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--network", type=Path, required=True, metavar="F.inp", help="EPANET network")
    parser.add_argument(
        "--speed", type=_positive, default=1.0, metavar="N", help="the water runs so many times as fast; default 1"
    )
    parser.add_argument("--duration", type=_positive, metavar="S", help="end after so many real seconds")
    parser.add_argument("--fault", action="append", default=[], metavar="SPEC", help="let a node misbehave; repeatable")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the misbehaviour")
    parser.add_argument("--scaffold", action="store_true", help="print a first plant file for the network")
    parser.add_argument("--site", default="site-1", metavar="ID", help="the site of that plant file; default site-1")


def _add_devices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("listen",), help="show what comes by, then print the TOML for it")
    parser.add_argument("--topic", default="#", metavar="F", help="only topics of this MQTT filter; default #")
    parser.add_argument("--seconds", type=_positive, metavar="S", help="end after so long; default: at Ctrl-C")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("list", "why"), help="all plans, or all about one actuator")
    parser.add_argument("actuator", nargs="?", metavar="NODE/ACTUATOR", help="for why")
    parser.add_argument("--json", action="store_true")


def _add_qc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.csv")
    parser.add_argument("--sensor", required=True, metavar="NODE/SENSOR", help="whose tests of the plant file are run")
    parser.add_argument("--time", metavar="COLUMN", help="name or number of the column of times; default: found")
    parser.add_argument("--value", metavar="COLUMN", help="name or number of the column of values; default: found")
    parser.add_argument("--timezone", metavar="ZONE", help="of times without an offset, such as Europe/Berlin or UTC")
    parser.add_argument("--output", type=Path, metavar="F", help="where the flags go; default FILE.flags.csv")
    parser.add_argument("--plot", type=Path, metavar="P.png", help="draw the series with its flags (extra `plot`)")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=EXPORTS)
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    parser.add_argument("--since", metavar="T", help="RFC 3339 with an offset")
    parser.add_argument("--node", metavar="N")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 fine, 1 failed, 2 bad usage or configuration."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what the terminal's encoding lacks is written as \\xNN
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _carry_out(arguments)
        finish()
    except ReaderGoneError as error:
        return error.exit_code
    except BrokenPipeError:  # rich writes by itself
        forsake_output()
        return ReaderGoneError.exit_code
    except EdgeAgentError as error:
        return _fail(harmless_lines(str(error)), error.exit_code)
    except OSError as error:
        return _fail(_of_the_system(error), EdgeAgentError.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", EdgeAgentError.exit_code)
    return code


def _carry_out(arguments: Sequence[str] | None) -> int:
    try:
        namespace = _parser().parse_args(arguments)
    except SystemExit as end:  # --help and --version have been printed
        return int(end.code or 0)
    # Each command imports what it needs: with the demo's and the simulation's the agent is 0.2 s later.
    module = import_module(f"edge_agent.cli.{namespace.module}")
    return int(getattr(module, namespace.command)(namespace))


def _of_the_system(error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{error.filename} cannot be used: {reason}" if error.filename else f"the system refuses something: {reason}"


def _fail(sentence: str, code: int) -> int:
    with suppress(OSError):  # nobody reads the errors either
        print(sentence, file=sys.stderr)  # noqa: T201  # the command line speaks here
    return code
