"""Files of recordings: written beside the loop, compressed, appended to, bounded, one a day; and read back.

A file is gzip: each process appends a stream of its own, and what it has written so far can be read while it goes on,
and after it was killed. Files that were written by hand may be plain text.
"""

from __future__ import annotations

import codecs
import json
import os
import queue
import threading
import zlib
from typing import IO, TYPE_CHECKING

from loguru import logger

from edge_agent.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

#: All files of a recording together are kept below this; the oldest go.
MOST_BYTES = 256_000_000
#: A file that has reached this part of it is put aside within its day.
_PARTS = 8
#: Blocks of lines that wait to be written, a quarter of a second each; what comes when there are so many is lost.
_MOST_WAITING = 64
#: So long the end waits for what has still to be written.
_END_SECONDS = 2.0
_GZIP, _HEAD = 31, b"\x1f\x8b\x08\0\0\0\0\0"
_CHUNK = 1 << 20


class RecordingFile:
    """Appends to a file, in a thread of its own: a slow disk holds up no turn. `path` is that of the present day.

    Files of the days before stand beside it, with their day in their names. Leaving the context writes what waits.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path, self._most_bytes = path, most_bytes
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._file: IO[bytes] | None = None
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self._error: str | None = None
        self.written = 0  # bytes of the present file

    def __enter__(self) -> Self:
        """Open the file. Raises RecordingError where it cannot be written."""
        try:
            self._open()
        except OSError as error:
            raise RecordingError(f"{self._path} cannot be written: {error.strerror or error}") from error
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._waiting.put(None, timeout=_END_SECONDS)
        except queue.Full:
            logger.error("The recording is not complete")
            return
        self._thread.join(_END_SECONDS)

    @property
    def is_large(self) -> bool:
        """Whether the file should be put aside, though its day is not over."""
        return self.written * _PARTS >= self._most_bytes

    def write(self, text: Iterable[str]) -> bool:
        """Append whole lines, whose pieces are made here; return False where they are lost, since too much waits.

        Raises RecordingError where what was given before could not be written.
        """
        if self._error is not None:
            raise RecordingError(f"the recording cannot be written: {self._error}")
        return self._put(lambda: self._write(text))

    def put_aside(self, day: str) -> bool:
        """Begin a new file, and name the old one by its day; return False where that cannot be now."""
        return self._put(lambda: self._put_aside(day))

    def _put(self, work: Callable[[], None]) -> bool:
        try:
            self._waiting.put_nowait(work)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            self._try(work)
        self._try(self._close)

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self._error = error.strerror or str(error)

    def _open(self) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "ab", buffering=0)
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
        self.written = self._path.stat().st_size

    def _write(self, text: Iterable[str]) -> None:
        for piece in text:
            self._append(self._packer.compress(piece.encode()))
        self._append(self._packer.flush(zlib.Z_SYNC_FLUSH))

    def _append(self, data: bytes) -> None:
        if self._file is not None:
            _fill(self._file, data)
        self.written += len(data)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            _fill(file, self._packer.flush())

    def _put_aside(self, day: str) -> None:
        self._close()
        name, number = f"{self._path.name}.{day}", 1
        while self._path.with_name(name).exists():
            number += 1
            name = f"{self._path.name}.{day}.{number}"
        self._path.rename(self._path.with_name(name))
        self._open()
        self._prune()

    def _prune(self) -> None:
        """Delete the oldest files while all together are too large."""
        files = sorted(self._path.parent.glob(f"{self._path.name}.*"), key=lambda each: each.stat().st_mtime)
        size = sum(each.stat().st_size for each in files)
        for each in files:
            if size <= self._most_bytes - self._most_bytes // _PARTS:
                return
            size -= each.stat().st_size
            each.unlink()


def _fill(file: IO[bytes], data: bytes) -> None:
    """Write all of it: a file without a buffer may take a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def lines_of(path: Path, missing: Callable[[int], None]) -> Iterator[str]:
    """Yield the lines of a recording, compressed or not.

    `missing` is called with the number of the line whose end was never written: it is left out. Raises OSError, and
    UnicodeDecodeError for what is no text.
    """
    number = 0
    for piece in _pieces(path):
        rest = b""
        for data in piece:
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                number += 1
                yield line.decode()
        if rest.strip():
            number += 1
            if _is_whole(rest):
                yield rest.decode()
            else:
                missing(number)


def _is_whole(line: bytes) -> bool:
    """Whether a line without an end is one that was written by hand, or lacks nothing but its end."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _pieces(path: Path) -> Iterator[Iterator[bytes]]:
    """Yield what each process has appended; the stream of one that was killed ends anywhere."""
    content = path.read_bytes()
    if not content.startswith(_HEAD):
        yield iter([content.removeprefix(codecs.BOM_UTF8)])
        return
    place = 0
    while place >= 0:
        following = content.find(_HEAD, place + len(_HEAD))
        yield _unpacked(content[place : following if following >= 0 else None])
        place = following


def _unpacked(data: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    for start in range(0, len(data), _CHUNK):
        try:
            yield unpacker.decompress(data[start : start + _CHUNK])
        except zlib.error:
            return  # torn: what was whole has been given
