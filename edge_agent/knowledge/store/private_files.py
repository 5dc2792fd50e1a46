"""Files that only the agent's own user may read: keys and the plant's life are in them, whatever the umask is."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODE = 0o600
_OTHERS = 0o077


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
    """Let only the owner read and write a file that is there.

    By its name: to open and close a database would drop the locks of its connections in this process.
    """
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(MODE)
