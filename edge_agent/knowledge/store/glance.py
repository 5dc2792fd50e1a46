"""Whether anybody may have written to the store, by what the file system tells: two calls, no lock and no thread."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: It is looked all the same after so many glances: not every file system tells of what is written.
MOST_UNCHANGED = 60


class FileGlance:
    """Looks at the file of the store and at its log: their identity, size, and time of the last write.

    Times of files are coarse: two writes may bear the same. So what has changed has changed at the next glance too.
    """

    def __init__(self, path: Path) -> None:
        self._paths = [path, path.with_name(path.name + "-wal")]
        self._seen: object = None
        self._unchanged = MOST_UNCHANGED

    def __repr__(self) -> str:
        return f"FileGlance({self._paths[0]}, unchanged for {self._unchanged} glances)"

    def __call__(self) -> bool:
        """Return whether it may hold another thing than at the glance before."""
        seen = [_state(path) for path in self._paths]
        before, self._seen = self._seen, seen
        self._unchanged = self._unchanged + 1 if seen == before and seen[0] is not None else 0
        if self._unchanged > MOST_UNCHANGED:
            self._unchanged = 1
            return True
        return self._unchanged <= 1


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the cost of that of a path
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
