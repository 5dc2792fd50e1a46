"""One agent a store: a lock beside the file, which ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from errno import EACCES, EAGAIN
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.knowledge.store.files import private

if TYPE_CHECKING:
    from pathlib import Path

_TAKEN = frozenset({EACCES, EAGAIN})
_MOST_BYTES = 200


class StoreLock:
    """Held from `take` to `release`. The lock's file is `….lock`; it says who holds it, and stays where it is."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._handle: int | None = None
        self._agent: str | None = None

    def take(self) -> None:
        """Acquire the lock, again where its file was removed. Raises StoreError naming who has it, and OSError."""
        path = self._path()
        if self._handle is not None and not _is_at(self._handle, path):
            self.release()
        if self._handle is not None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = private(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                holder = _holder(handle)
                os.close(handle)
                raise StoreError(
                    f"The store {self._store} is in use by {holder}: each agent needs a file of its own (store.path)."
                ) from error
            logger.bind(error=error.strerror).warning("The file system knows no locks: the store is not guarded")
        self._handle = handle
        self._tell()

    def name(self, agent: str) -> None:
        """Write which agent holds it, for another that asks."""
        self._agent = agent
        self._tell()

    def release(self) -> None:
        """Give it back."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def _path(self) -> Path:
        path = self._store.resolve()  # one lock whatever the file is called
        return path.with_name(path.name + ".lock")

    def _tell(self) -> None:
        if self._handle is not None:
            who = f"process {os.getpid()}" if self._agent is None else f"agent {self._agent} (process {os.getpid()})"
            with suppress(OSError):  # on a full disk it holds without a word
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, who.encode(), 0)


def _holder(handle: int) -> str:
    with suppress(OSError):
        return os.pread(handle, _MOST_BYTES, 0).decode("ascii", "replace").strip() or "another process"
    return "another process"


def _is_at(handle: int, path: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False
