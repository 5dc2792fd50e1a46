"""Files that settings point to: secrets are read, certificates looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.settings.findings import Finding
from edge_agent.settings.stores import PLACES
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Settings that must not stand in the open, by section and name; `*_file` says where to read them from.
SECRETS = (("mqtt", "password"), *PLACES)
_CERTIFICATES = ("ca_file", "cert_file", "key_file")


def resolve_secrets(values: dict[str, Any], reads: Callable[[Path], bool]) -> Iterator[Finding]:
    """Put the text of each secret's file in the place of the secret; name every file that cannot be read.

    A file of which `reads` says no is not looked at.
    """
    for section, name in SECRETS:
        given = table(values.get(section))
        file = _path(given.get(f"{name}_file"))
        if file and name not in given and reads(file):
            yield from _read_secret(given, section, name, file)
    tls = table(table(values.get("mqtt")).get("tls"))
    for name in _CERTIFICATES:
        file = _path(tls.get(name))
        if file and reads(file):
            yield from _readable(("mqtt", "tls", name), file)


def _read_secret(given: dict[str, Any], section: str, name: str, file: Path) -> Iterator[Finding]:
    key = (section, f"{name}_file")
    try:
        secret = file.read_text("utf-8-sig").removesuffix("\n").removesuffix("\r")
        if (section, name) in PLACES:  # where a store is has no blanks at its ends
            secret = secret.strip()
    except (OSError, ValueError) as error:
        yield _unreadable(key, file, error)
        return
    if secret:
        given[name] = secret
    else:
        yield Finding(key, f"{_quoted(file)} is empty", f"a file with a {name} in it")


def _readable(key: tuple[str, ...], path: Path) -> Iterator[Finding]:
    try:
        path.read_bytes()
    except (OSError, ValueError) as error:
        yield _unreadable(key, path, error)


def _unreadable(key: tuple[str, ...], path: Path, error: Exception) -> Finding:
    if isinstance(error, UnicodeError):  # its own sentence quotes what may be a secret
        reason = "it is not UTF-8"
    else:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Finding(
        key, f"{_quoted(path)} cannot be read: {reason[:1].lower()}{reason[1:]}", "a file that this user may read"
    )


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str | Path) and str(value) else None
