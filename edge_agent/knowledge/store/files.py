"""Files that stand beside the store's: the epoch, the reserve; and whose eyes they are for.

Only the agent's own user may read what the agent makes: keys and the plant's life are in it, whatever the umask is.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from pathlib import Path

MODE = 0o600
_OTHERS = 0o077
_EPOCH = re.compile(rb"\s*(\d{1,16})\s*")
_MOST_BYTES = 64
_BLOCK = bytes(65_536)


def private(path: str, flags: int) -> int:
    """Open a file as `open(…, opener=private)` does; what is there already is closed to others."""
    handle = os.open(path, flags, MODE)
    if os.fstat(handle).st_mode & _OTHERS:
        with suppress(OSError):  # another's file: its owner decides
            os.fchmod(handle, MODE)
    return handle


def begin_private(path: Path) -> None:
    """Make a file that is not there yet."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, MODE))


def close_to_others(path: Path) -> None:
    """Close a file that is there to all but its owner.

    By its name: to open and close a database would drop the locks of its connections in this process.
    """
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(MODE)


class EpochFile:
    """Remembers the highest epoch that was ever begun here. `trouble` tells what was wrong with it at the start."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_suffix(".epoch")
        self.trouble: str | None = None

    def read(self, most: int) -> int:
        """Read the highest epoch; 0 where there is no file, and where it is damaged or beyond `most` (logged)."""
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


class Reserve:
    """A file of nothing beside the store. Without a size there is none, and it counts as standing."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self.stands = not size

    def release(self) -> bool:
        """Return the room to the disk, and whether there was any."""
        if not self._size:
            return False
        self.stands = False
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Hold room back again where the disk has twice as much; return whether the reserve stands."""
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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
