"""What the service's unit sets besides the two files, for who looks at the service from a shell.

Understands what a unit of this agent needs: `Environment=`, `EnvironmentFile=`, `LoadCredential=` and `ExecStart=`,
with drop-ins, continuation lines, quotes and the specifier `%d`.
"""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.settings.environment import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "edge-agent.service"
#: Where systemd looks, the first counts.
FOLDERS = tuple(Path(f"{folder}/systemd/system") for folder in ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"))
#: Where the credentials of the service lie while it runs, for itself and for root.
CREDENTIALS = Path("/run/credentials") / NAME

_SPECIFIERS = {"%%": "%", "%d": str(CREDENTIALS)}


class Unit(NamedTuple):
    """A unit file: where it is, which settings it runs with, what it sets, and what of it could not be read."""

    path: Path
    config: Path | None
    environ: dict[str, str]
    unseen: list[str]


def read_unit(folders: Iterable[Path] = FOLDERS) -> Unit | None:
    """Read the unit of the service; None where there is none that this user may read."""
    places = list(folders)
    path = next((folder / NAME for folder in places if _text(folder / NAME) is not None), None)
    if path is None:
        return None
    lines = [*_lines(_text(path) or "")]
    for extra in sorted(
        (file for folder in places for file in folder.glob(f"{NAME}.d/*.conf")), key=lambda at: at.name
    ):
        lines += _lines(_text(extra) or "")
    unseen: list[str] = []
    sources = _credentials(lines)
    environ = {
        name: str(sources.get(Path(value), value)) for name, value in _environ(lines, unseen) if name.startswith(PREFIX)
    }
    return Unit(path, _config(lines), environ, unseen)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeError):
        return None


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each line of the section [Service]."""
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if stripped.startswith("["):
            section = stripped
        elif section == "[Service]" and stripped[:1] not in {"", "#", ";"}:
            name, _, value = stripped.partition("=")
            yield name.strip(), re.sub("%[%d]", lambda found: _SPECIFIERS[found[0]], value.strip())


def _credentials(lines: list[tuple[str, str]]) -> dict[Path, Path]:
    """Return by its place in the service the file that each credential comes from."""
    loaded = (value.partition(":") for name, value in lines if name == "LoadCredential")
    return {CREDENTIALS / id_: Path(source) for id_, _, source in loaded if source.startswith("/")}


def _environ(lines: list[tuple[str, str]], unseen: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables in the order in which they are set: files of variables win."""
    set_: list[str] = []
    files: list[str] = []
    for name, value in lines:
        kept = {"Environment": set_, "EnvironmentFile": files}.get(name)
        if kept is not None:
            kept[:] = [*kept, *_words(value)] if value else []
    for file in files:
        text = _text(Path(file.removeprefix("-")))
        if text is None and not file.startswith("-"):
            unseen.append(f"{file}, which sets variables of the service, may not be read by this user")
        set_ += [word for line in (text or "").splitlines() if line[:1] not in {"#", ";"} for word in _words(line)[:1]]
    for variable in set_:
        name, equals, value = variable.partition("=")
        if equals:
            yield name, value


def _config(lines: list[tuple[str, str]]) -> Path | None:
    words = [word for name, value in lines if name == "ExecStart" for word in _words(value)]
    named = [after for word, after in pairwise(words) if word == "--config"]
    return Path(named[-1]) if named else None


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:  # a quote that nobody closed
        return value.split()
