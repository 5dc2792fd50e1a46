"""The epoch in a tiny file beside the store: it must grow even when the store has to be begun anew."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.knowledge.store.private_files import private

if TYPE_CHECKING:
    from pathlib import Path

_EPOCH = re.compile(rb"\s*(\d{1,16})\s*")
_MOST_BYTES = 64


class EpochFile:
    """Remembers the highest epoch that was ever begun here. `trouble` tells what was wrong with it at the start."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_suffix(".epoch")
        self.trouble: str | None = None

    def read(self, most: int) -> int:
        """Tell the highest epoch, 0 where the file is missing; one that is damaged or beyond `most` is told, too."""
        try:
            with self._path.open("rb") as file:
                found = _EPOCH.fullmatch(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return 0
        except OSError as error:
            return self._doubted(f"cannot be read: {error.strerror}")
        if found is None:
            return self._doubted("is damaged")
        epoch = int(found[1])
        return epoch if epoch <= most else self._doubted(f"says {epoch}, which cannot be")

    def write(self, epoch: int) -> None:
        """Remember an epoch durably. Where that fails the store still has it: it is only said."""
        fresh = self._path.with_suffix(".epoch-new")
        try:
            with open(fresh, "w", encoding="ascii", opener=private) as file:
                file.write(f"{epoch}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            logger.bind(file=str(self._path), error=error.strerror).warning("The epoch could not be noted")

    def _doubted(self, why: str) -> int:
        self.trouble = f"the epoch file {self._path} {why}; the epochs of the store and of the broker count"
        logger.bind(file=str(self._path), why=why).warning("The epoch file is not believed")
        return 0


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
