"""The epoch in a tiny file beside the store: it must grow even when the store has to be begun anew."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.model.commands import MOST_EPOCH_JUMP

if TYPE_CHECKING:
    from pathlib import Path


class EpochFile:
    """Remembers the highest epoch that was ever begun here."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_suffix(".epoch")

    def read(self, stored: int) -> int:
        """Tell the highest epoch; that of the store where the file is missing, is older or tells what cannot be."""
        with suppress(OSError, ValueError):
            told = int(self._path.read_text("ascii"))
            if 0 <= told <= stored + MOST_EPOCH_JUMP:
                return max(stored, told)
            logger.bind(file=str(self._path), epoch=stored).warning(
                "The epoch that was noted cannot be: the store's counts"
            )
        return stored

    def write(self, epoch: int) -> None:
        """Remember an epoch durably. Where that fails the store still has it: it is only said."""
        fresh = self._path.with_suffix(".epoch-new")
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(f"{epoch}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            _sync_folder(self._path.parent)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            logger.bind(file=str(self._path), error=error.strerror).warning("The epoch could not be noted")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
