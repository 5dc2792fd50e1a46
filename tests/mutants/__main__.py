"""Mutation testing of the core: `make mutants`, or python -m mutants with tests/ on the path.

Draws a sample of small changes (another comparison, operator, constant; a condition turned round; a call left out),
makes one at a time in a copy of the project, and runs the tests that reach it (which those are is noted once, in
var/mutants.json). A change that no test notices is printed: it
shows a test that is missing, or code that makes no difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from mutants.changes import changes
from mutants.judged import EQUIVALENT, Judged
from mutants.reach import Reach
from mutants.trial import Bench, Mutant, Verdict

PROJECT = Path(__file__).parents[2]
ROOMS = ("monitor", "analyze", "plan", "execute")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--skip", type=int, default=0, help="how many of the sample to leave out, as tried before (0)")
    parser.add_argument("--count", type=int, default=200, help="changes to try (200); 0 for every one")
    parser.add_argument("--seed", type=int, default=1, help="which sample of them (1)")
    parser.add_argument("--minutes", type=float, default=15, help="stop after so long (15)")
    parser.add_argument("--workers", type=int, default=2, help="tried at once (2)")
    parser.add_argument("--as-noted", action="store_true", help="do not look anew which tests reach a changed program")
    parser.add_argument("--only", default="", help="modules whose path has this in it, such as execute/")
    return parser.parse_args()


def sample(count: int, seed: int, only: str) -> list[Mutant]:
    """Return so many changes of the core, drawn by chance; all in that order where count is 0, but those judged."""
    modules = [PROJECT / "edge_agent/turn.py", PROJECT / "edge_agent/known.py"]
    for room in ROOMS:
        modules += sorted((PROJECT / "edge_agent" / room).rglob("*.py"))
    every = [
        Mutant(name, change)
        for name, source in ((str(module.relative_to(PROJECT)), module.read_text()) for module in modules)
        for change in (changes(source) if only in name else ())
        if Judged(name, source.splitlines()[change.line - 1].strip(), str(change)) not in EQUIVALENT
    ]
    random.Random(seed).shuffle(every)
    return every[:count] if count else every


def main() -> int:
    """Try the sample, and print what survives and the share that was killed."""
    asked = options()
    mutants = sample(asked.count, asked.seed, asked.only)[asked.skip :]
    with tempfile.TemporaryDirectory(prefix="edge-agent-mutants-") as folder:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(asked.workers):
            (Path(folder) / str(number)).mkdir()
            benches.put(first := Bench(PROJECT, Path(folder) / str(number)))
        deadline = time.perf_counter() + 60 * asked.minutes
        known = Reach(first.notes(deadline, as_noted=asked.as_noted))

        def forked(some: list[Mutant]) -> list[Verdict]:
            bench = benches.get()
            try:
                return list(bench.judge_in_forks(some, known, deadline))
            finally:
                benches.put(bench)

        def tried(mutant: Mutant) -> Verdict | None:
            if time.perf_counter() > deadline:
                return None
            bench = benches.get()
            try:
                return bench.judge(mutant, known)
            finally:
                benches.put(bench)

        verdicts: list[Verdict] = []
        with ThreadPoolExecutor(asked.workers) as pool:
            for some in pool.map(forked, [mutants[place :: asked.workers] for place in range(asked.workers)]):
                verdicts += some
                for verdict in some:
                    tell(verdict)
            known_now = {verdict.mutant for verdict in verdicts}
            for verdict in pool.map(tried, [mutant for mutant in mutants if mutant not in known_now]):
                if verdict is not None:
                    verdicts.append(verdict)
                    tell(verdict)
    print(summary(verdicts, len(mutants)))
    return 0


def tell(verdict: Verdict) -> None:
    """Print a change that survived."""
    if not verdict.killed:
        print(f"survived {verdict.shown_to} tests: {verdict.mutant}", flush=True)


def summary(verdicts: list[Verdict], wanted: int) -> str:
    """Say how many of the changes were noticed."""
    killed = sum(verdict.killed for verdict in verdicts)
    share = f"{100 * killed / len(verdicts):.1f} %" if verdicts else "-"
    return f"{len(verdicts)} of {wanted} changes tried, {killed} killed ({share})"


if __name__ == "__main__":
    sys.exit(main())
