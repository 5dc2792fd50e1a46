"""The power goes while the embedded store is written: what was not synced is dropped, reordered and torn.

A process writes commits as the agent does, and notes each as acknowledged once the store says so. All that it does to
the files is recorded; at random instants a disk is made as a power cut may leave it, and opened by the agent's store.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support.faulttable import Row
from support.powercut import Disk, Operation, acknowledged, compiler, recorded

from edge_agent.errors import StoreError
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore

if TYPE_CHECKING:
    import random
    from pathlib import Path

BOUNDS = StoreBounds(reserve_mb=0)
#: A commit for every instant from which to choose; more than once the log is written into the file, and begun anew.
PROGRAM = """
import asyncio, os, sys
from dataclasses import replace
from pathlib import Path
from edge_agent.knowledge.store.bounds import StoreBounds
from edge_agent.knowledge.store.sqlite import SqliteStore
from edge_agent.model.commands import Command
from edge_agent.model.plant import Sensor
from edge_agent.model.readings import Reading
from edge_agent.model.time import MICROSECONDS, Moment
from edge_agent.model.turn import Turn

LEVEL = Sensor("tank1", "level", "level", "m")

async def main(folder):
    noted = os.open(folder / "acknowledged", os.O_WRONLY | os.O_CREAT)
    for life in range(2):
        async with SqliteStore(folder / "store.db", spool=True, bounds=StoreBounds(reserve_mb=0)) as store:
            epoch = (await store.begin("gateway-1")).epoch
            os.write(noted, f"epoch:{epoch}\\n".encode())
            for number in range(life * 1000, life * 1000 + 150):
                at = number * MICROSECONDS
                turn = Turn(Moment(at, float(number)))
                turn.readings = [Reading(LEVEL, n / 8, at + n, at + n, n, 1) for n in range(40)]
                turn.commands = [Command(f"c{number}", "riverside", "station", "pump1", "start", None, at, at + 1,
                                         900.0, epoch, number, None, "x" * 300)]
                await store.write([turn])
                facts = [f"command:c{number}", *(f"reading:{r.observed_at}" for r in turn.readings)]
                os.write(noted, "".join(f"{fact}\\n" for fact in facts).encode())
                if number % 10 == 0 and (spooled := await store.oldest(200)):
                    await store.drop(spooled.ids)

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture
def operations(tmp_path: Path) -> list[Operation]:
    """What the process did to its files."""
    if compiler() is None:
        pytest.skip("not tried: there is no C compiler to record what is written with")
    folder = tmp_path / "store"
    folder.mkdir()
    return recorded(PROGRAM, folder, tmp_path)


def held(folder: Path) -> set[str]:
    """Open what is left as the agent does at its next start; give the facts that it has."""
    path = folder / "store.db"

    async def start() -> int:
        async with SqliteStore(path, spool=True, bounds=BOUNDS) as store:
            return (await store.begin("gateway-1")).epoch

    epoch = asyncio.run(start())
    with closing(sqlite3.connect(path)) as db:
        readings = {f"reading:{at}" for (at,) in db.execute("SELECT observed_at FROM readings")}
        commands = {f"command:{name}" for (name,) in db.execute("SELECT id FROM commands")}
    return readings | commands | {f"epoch:{number}" for number in range(epoch)}


def lost(disk: Disk, operations: list[Operation], cut: int, chance: random.Random, folder: Path) -> tuple[int, int]:
    """Cut the power before an operation; return how many facts were acknowledged by then, and are gone."""
    folder.mkdir()
    disk.at(cut, chance, folder)
    told = acknowledged(operations[:cut])
    return len(told), len(told - held(folder))


def lost_by_lies(operations: list[Operation], cut: int, chance: random.Random, folder: Path) -> int:
    """Do the same on a disk that ignores syncs; a store that does not open has lost all."""
    try:
        return lost(Disk(operations, heeds_syncs=False), operations, cut, chance, folder)[1]
    except StoreError:
        return len(acknowledged(operations[:cut]))


def test_power_cut(table, operations, kills, chance, tmp_path, progress):
    row = table.add(Row("power cut: what was not synced is dropped, reordered, torn"))
    disk = Disk(operations)
    for number in range(kills):
        # One in eight while the file is made: it must open whatever there is of it.
        cut = chance.randrange(1, 100 if number % 8 == 0 else len(operations) + 1)
        told, gone = lost(disk, operations, cut, chance, tmp_path / f"cut-{number}")
        row.tried, row.published, row.stored = row.tried + 1, row.published + told, row.stored + told - gone
        row.lost += gone
        assert not gone, f"cut before operation {cut} of {len(operations)}"
        shutil.rmtree(tmp_path / f"cut-{number}")
        if number % 100 == 99:
            progress(f"power cut: {number + 1} of {kills}")
    row.note = "facts (readings, commands, epochs) of the embedded store, by commits of a process of its own"
    assert row.clean(), row


def test_a_disk_that_only_says_that_it_has_synced_loses_what_was_acknowledged(operations, chance, tmp_path):
    cuts = [chance.randrange(len(operations) // 2, len(operations)) for _ in range(4)]
    gone = [lost_by_lies(operations, cut, chance, tmp_path / f"cut-{cut}") for cut in cuts]
    assert sum(gone) > 0, "else the row could not find a loss"
