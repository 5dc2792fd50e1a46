"""Room on the disk that is held back for what must be written even when the disk is full."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from edge_agent.knowledge.store.private_files import private

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = bytes(65_536)


class Reserve:
    """A file of nothing beside the store. Without a size there is none, and it counts as standing."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.stands = not size

    def release(self) -> bool:
        """Give the room back to the disk; tell whether there was any."""
        if not self._size:
            return False
        self.stands = False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Hold room back again where the disk has twice as much; tell whether the reserve stands."""
        if not self.stands:
            self.stands = self._is_whole() or (self._free() >= 2 * self._size and self._fill())
        return self.stands

    def _is_whole(self) -> bool:
        with suppress(OSError):
            return self._path.stat().st_blocks * 512 >= self._size
        return False

    def _free(self) -> int:
        with suppress(OSError):
            found = os.statvfs(self._path.parent)
            return found.f_bavail * found.f_frsize
        return 0

    def _fill(self) -> bool:
        try:
            with open(self._path, "wb", opener=private) as file:
                file.writelines(_BLOCK for _ in range(-(-self._size // len(_BLOCK))))
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                self._path.unlink()
            return False
        return True
