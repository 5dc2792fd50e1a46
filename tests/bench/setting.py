"""What a measurement is given: a broker, folders, how thorough to be, and the report that its rows go into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bench.table import Report


@dataclass(frozen=True)
class Setting:
    """One run of the suite."""

    port: int
    base: Path
    report: Report
    rounds: int
    quick: bool
    peers: bool
    go_peers: bool

    def folder(self, name: str) -> Path:
        """Make a folder of this name, on the file system that the run was told to use."""
        folder = self.base / name
        folder.mkdir(parents=True)
        return folder

    def count(self, *, full: int, quick: int) -> int:
        """Choose by how thorough to be."""
        return quick if self.quick else full
