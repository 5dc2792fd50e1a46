"""Which line of a TOML file each of its keys stands on: tomllib does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_agent.errors import ConfigurationError
from edge_agent.settings.findings import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.errors import Problem
    from edge_agent.settings.findings import KeyPath

_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:\\.|[^"\\\n])*"|' r"'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN = re.compile(r"[^,\]}#\n]*")


def located(problems: list[Problem], path: Path) -> list[Problem]:
    """Add to the problems of a file the line of each key, or of the nearest table around it, where there is one."""
    try:
        places = key_lines(path.read_bytes().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):  # what cannot be read has been told
        return problems
    file = str(path)
    return [
        problem._replace(line=_nearest(problem.key, places)) if problem.file == file and not problem.line else problem
        for problem in problems
    ]


@contextmanager
def with_lines(path: Path) -> Iterator[None]:
    """Add lines of this file to the problems of a ConfigurationError."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(located(error.problems, path)) from error


def key_lines(text: str) -> dict[str, int]:
    """Return the line of every key and element of a TOML document, by its dotted name. The document must be sound."""
    return _Scanner(text).scan()


def _nearest(key: str, places: dict[str, int]) -> int | None:
    while key and key not in places:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return places.get(key)


class _Scanner:
    """Walks a document from its beginning to its end. tomllib has found it sound, so this one need not be strict."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._ends = [found.start() for found in re.finditer("\n", text)]
        self._places: dict[str, int] = {}
        self._last: dict[KeyPath, int] = {}  # the newest element of each list of tables

    def scan(self) -> dict[str, int]:
        table: KeyPath = ()
        while self._blank():
            table = self._header() if self._peek("[") else self._pair(table)
        return self._places

    def _header(self) -> KeyPath:
        start = self._at
        is_element = self._text.startswith("[[", start)
        self._at += 2 if is_element else 1
        path: KeyPath = ()
        *above, name = self._key()
        for part in above:
            path = self._inside((*path, part))
        path = (*path, name)
        if is_element:
            self._last[path] = self._last.get(path, -1) + 1
        path = self._inside(path)
        self._at = self._text.index("]", self._at) + (2 if is_element else 1)
        self._note(path, start)
        return path

    def _inside(self, path: KeyPath) -> KeyPath:
        return (*path, self._last[path]) if path in self._last else path

    def _pair(self, table: KeyPath) -> KeyPath:
        start = self._at
        path = (*table, *self._key())
        self._note(path, start)
        self._at = self._text.index("=", self._at) + 1
        self._blank()
        self._value(path)
        return table

    def _key(self) -> KeyPath:
        parts: list[str] = []
        while True:
            self._blank()
            string = _STRING.match(self._text, self._at)
            bare = string or _BARE.match(self._text, self._at)
            if bare is None:
                return tuple(parts)
            parts.append(str(tomllib.loads(f"key = {string[0]}")["key"]) if string else bare[0])
            self._at = bare.end()
            self._blank()
            if not self._peek("."):
                return tuple(parts)
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        string = _STRING.match(self._text, self._at)
        if string:
            self._at = string.end()
        elif self._peek("["):
            self._list(path)
        elif self._peek("{"):
            self._inline(path)
        else:
            self._at = self._match_end(_PLAIN)

    def _list(self, path: KeyPath) -> None:
        self._at += 1
        position = 0
        while self._between("]"):
            self._note((*path, position), self._at)
            self._value((*path, position))
            position += 1

    def _inline(self, path: KeyPath) -> None:
        self._at += 1
        while self._between("}"):
            self._pair(path)

    def _between(self, end: str) -> bool:
        """Step over what stands between elements, and over the end; return whether there is another element."""
        while self._blank() and self._peek(","):
            self._at += 1
        if self._at < len(self._text) and not self._peek(end):
            return True
        self._at += 1
        return False

    def _blank(self) -> bool:
        """Step over spaces, new lines and comments; return whether anything follows."""
        self._at = self._match_end(_BLANK)
        return self._at < len(self._text)

    def _match_end(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        return found.end() if found else self._at

    def _peek(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _note(self, path: KeyPath, place: int) -> None:
        self._places.setdefault(dotted(path), bisect_left(self._ends, place) + 1)
