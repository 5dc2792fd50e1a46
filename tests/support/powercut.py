"""Power cuts of the embedded store: what a process did to its files, and what may be left of it at any instant.

`recorded` runs a process with `powercut.c` before its C library. A disk then keeps everything up to the last sync of a
file, and of what came after it any part, in any order, the last sectors torn. `Disk.at` makes such an image.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

SECTOR = 512
_HEAD = struct.Struct("=qqqq")
_SOURCE = Path(__file__).with_suffix(".c")
#: In this file the process notes what it was told is stored: one line a fact, never synced, never part of an image.
ACKNOWLEDGED = "acknowledged"
#: Shared memory of the log's index: after a power cut nobody has it.
_NEVER = (ACKNOWLEDGED, "-shm")


class Operation(NamedTuple):
    """One operation: `O`pen, `W`rite, `S`ync, `T`runcate, `U`nlink, `R`ename; `path` is a file's or the folder's."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""


def compiler() -> str | None:
    """Find a C compiler."""
    return shutil.which("cc") or shutil.which("gcc")


def recorded(program: str, folder: Path, scratch: Path) -> list[Operation]:
    """Run a program in Python with the folder as its argument; give what it did there."""
    shim, log = scratch / "powercut.so", scratch / "operations"
    subprocess.run([str(compiler()), "-shared", "-fPIC", "-O2", "-o", shim, _SOURCE, "-ldl", "-pthread"], check=True)
    environment = os.environ | {"LD_PRELOAD": str(shim), "POWERCUT_FOLDER": str(folder), "POWERCUT_LOG": str(log)}
    subprocess.run([sys.executable, "-c", program, str(folder)], env=environment, check=True, timeout=300)
    return list(_operations(log.read_bytes()))


def _operations(log: bytes) -> Iterator[Operation]:
    paths: dict[int, str] = {}
    place = 0
    while place < len(log):
        kind, file, offset, length = _HEAD.unpack_from(log, place)
        place += _HEAD.size
        data = log[place : place + length]
        place += length
        if chr(kind) == "O":
            paths[file] = data.decode()
        path = paths[file] if file else data.decode()
        yield Operation(chr(kind), path, offset, data if chr(kind) == "W" else b"")


def acknowledged(operations: list[Operation]) -> set[str]:
    """Collect what the process was told is stored."""
    noted = b"".join(each.data for each in operations if each.kind == "W" and each.path.endswith(ACKNOWLEDGED))
    return set(noted.decode().split())


@dataclass
class _File:
    """What is certainly on the disk of a file, and what may be."""

    content: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def sync(self) -> None:
        """Let all of it be on the disk."""
        for each in self.pending:
            _apply(self.content, each)
        self.pending.clear()


class _Change(NamedTuple):
    """A change of the folder: a name has another file, or none any more."""

    name: str
    file: _File | None


@dataclass
class _Folder:
    """The names as the process sees them, those that are certainly on the disk, and the changes between, in order."""

    seen: dict[str, _File] = field(default_factory=dict)
    synced: dict[str, _File] = field(default_factory=dict)
    pending: list[_Change] = field(default_factory=list)

    def change(self, *changes: _Change) -> None:
        self.pending += changes
        _rename(self.seen, changes)

    def take(self, done: Operation, *, heeds_syncs: bool) -> None:
        file = self.seen.get(done.path)
        if done.kind == "U" and file is not None:
            self.change(_Change(done.path, None))
        elif done.kind == "R":
            before, _, after = done.path.partition("\n")
            self.change(_Change(after, self.seen[before]), _Change(before, None))
        elif done.kind == "O" and file is None and not Path(done.path).is_dir():
            self.change(_Change(done.path, _File()))
        elif done.kind == "S" and heeds_syncs:
            self.sync(file)
        elif done.kind in "WT" and file is not None:
            file.pending.append(done)

    def sync(self, file: _File | None) -> None:
        """Let a file be on the disk, or, where it is none, the folder itself: its names."""
        if file is not None:
            file.sync()
        else:
            self.synced = dict(self.seen)
            self.pending.clear()

    def left(self, chance: random.Random) -> dict[str, _File]:
        """Give the names after a power cut: a file system with a journal keeps the order of their changes."""
        names = dict(self.synced)
        _rename(names, self.pending[: chance.randint(0, len(self.pending))])
        return names


def _rename(names: dict[str, _File], changes: Iterable[_Change]) -> None:
    for name, file in changes:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


class Disk:
    """A disk on which a process did this. Without `heeds_syncs` it says it has written what it has not."""

    def __init__(self, operations: list[Operation], *, heeds_syncs: bool = True) -> None:
        self._operations, self._heeds_syncs = operations, heeds_syncs

    def at(self, cut: int, chance: random.Random, place: Path) -> None:
        """Write into a folder what is left of the files where the power went before operation `cut`."""
        folder = _Folder()
        for each in self._operations[:cut]:
            if not each.path.endswith(_NEVER):
                folder.take(each, heeds_syncs=self._heeds_syncs)
        for path, file in folder.left(chance).items():
            _lose(file, chance)
            (place / Path(path).name).write_bytes(file.content)


def _lose(file: _File, chance: random.Random) -> None:
    """Let any part of what was not synced have come to the disk, in any order, some of it torn."""
    share = chance.choice((0.0, 0.3, 0.7, 1.0))
    left = [each for each in file.pending if chance.random() < share]
    if chance.random() < 0.5:
        chance.shuffle(left)
    for each in left:
        torn = each.kind == "W" and chance.random() < 0.3
        for part in _torn(each, chance) if torn else [each]:
            _apply(file.content, part)
    file.pending.clear()


def _torn(write: Operation, chance: random.Random) -> list[Operation]:
    """Give the sectors of a write that have come to the disk."""
    sectors = range(0, len(write.data), SECTOR)
    return [
        write._replace(offset=write.offset + at, data=write.data[at : at + SECTOR])
        for at in sectors
        if chance.random() < 0.5
    ]


def _apply(content: bytearray, change: Operation) -> None:
    if change.kind == "T":
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    content.extend(bytes(max(0, change.offset - len(content))))
    content[change.offset : change.offset + len(change.data)] = change.data
