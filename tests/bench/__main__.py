"""The benchmark suite: `make bench`, or python -m bench with tests/ on the path. Prints a table; can write it down."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from bench import disk, processor, rates, reaction, scale, spool, turns
from bench.document import write
from bench.machine import describe
from bench.setting import Setting
from bench.table import Report, terminal
from support.brokers import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Callable

#: What can be measured, in the order of the table.
MEASUREMENTS: dict[str, Callable[[Setting], None]] = {
    "cpu": processor.measure,
    "rates": rates.measure,
    "reaction": reaction.measure,
    "turns": turns.measure,
    "scale": scale.measure,
    "start": scale.measure_start,
    "disk": disk.measure,
    "spool": spool.measure,
}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="measure this only; may be repeated")
    parser.add_argument("--rounds", type=int, help="rounds of what is compared (5; 2 with --quick)")
    parser.add_argument("--quick", action="store_true", help="about five minutes: fewer rounds and messages")
    parser.add_argument("--peers", action="store_true", help="Node-RED and FastStream too; installed once into a cache")
    parser.add_argument("--go-peers", action="store_true", help="Telegraf and eKuiper too; built once; implies --peers")
    parser.add_argument("--folder", type=Path, help="where stores are kept meanwhile: a disk, not memory (/var/tmp)")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and its plot")
    return parser.parse_args()


def main() -> int:
    """Measure, print the table, and write it down where that is asked for."""
    asked = options()
    report = Report(lambda line: print(line, flush=True))
    base = asked.folder or Path("/var/tmp")  # noqa: S108 - a real file system as a rule, which /tmp often is not
    with tempfile.TemporaryDirectory(prefix="edge-agent-bench-", dir=base, ignore_cleanup_errors=True) as folder:
        failed = [
            name for name in asked.only or MEASUREMENTS if not _measured(name, asked, Path(folder) / name, report)
        ]
    for name, text in describe():
        print(f"{name:<12}{text}")
    print(terminal(report))
    if asked.write and not failed:
        write(report, " ".join(sys.argv[1:]))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _measured(name: str, asked: argparse.Namespace, folder: Path, report: Report) -> bool:
    """Run one measurement; where it fails say so, so that the others are not lost with it."""
    print(f"{name} ...", flush=True)
    try:
        _measure(name, asked, folder, report)
    except Exception:
        traceback.print_exc()
        return False
    return True


def _measure(name: str, asked: argparse.Namespace, folder: Path, report: Report) -> None:
    """Run one measurement with a broker of its own."""
    (folder / "broker").mkdir(parents=True)
    broker = Mosquitto(folder / "broker")
    broker.start()
    rounds = asked.rounds or (2 if asked.quick else 5)
    setting = Setting(broker.port, folder, report, rounds, asked.quick, asked.peers or asked.go_peers, asked.go_peers)
    try:
        MEASUREMENTS[name](setting)
    finally:
        broker.kill()


if __name__ == "__main__":
    sys.exit(main())
