"""Reads a TOML file, and looks with care into tables whose types nobody has checked yet."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where a file is looked for that nobody named: the working directory's `config`, then the system's folder.
FOLDERS = (Path("config"), Path("/etc/edge-agent"))

#: What to do about a file that belongs to the service or to root.
ASK_AS_SERVICE = ", or a user who may read it (sudo -u edge-agent edge-agent ..., or sudo)"

_WHERE = re.compile(r"\s*\(at (?P<place>[^()]*)\)\s*$")


def find(name: str, folders: Iterable[Path] = FOLDERS) -> Path | None:
    """Find a file of this name in the first folder that has one."""
    return next((folder / name for folder in folders if _may_be(folder / name)), None)


def _may_be(path: Path) -> bool:
    """Return whether a file is there, or may be: where looking is forbidden, reading it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file. Raises ConfigurationError where it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        wrong = f"cannot be read: {(error.strerror or str(error)).lower()}"
        expected = f"a readable TOML file{ASK_AS_SERVICE if isinstance(error, PermissionError) else ''}"
        raise ConfigurationError([Problem(str(path), "file", wrong, expected)]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        if error.object.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ConfigurationError(
                [Problem(str(path), "file", "is UTF-16", "a TOML file in UTF-8: save it so")]
            ) from error
        raise ConfigurationError(
            [Problem(str(path), f"line {line}", "is not UTF-8", "a TOML file in UTF-8")]
        ) from error
    except RecursionError as error:
        raise ConfigurationError([Problem(str(path), "file", "is nested too deeply", "a plain TOML file")]) from error
    except ValueError as error:  # TOMLDecodeError, and what int() says to thousands of digits
        raise ConfigurationError([_syntax(path, str(error))]) from error


def _syntax(path: Path, message: str) -> Problem:
    where = _WHERE.search(message)
    key = where["place"] if where else "file"
    sentence = _WHERE.sub("", message).strip()
    return Problem(str(path), key, f"is not valid TOML: {sentence[:1].lower()}{sentence[1:]}", "TOML 1.0")


def table(value: object) -> dict[str, Any]:
    """Return a value as a table; an empty one where it is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Return a value as a list; an empty one where it is none."""
    return value if isinstance(value, list) else []
