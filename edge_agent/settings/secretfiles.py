"""Files that settings point to: secrets are read, certificates looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agent.settings.findings import Finding
from edge_agent.settings.tomlfile import table

if TYPE_CHECKING:
    from collections.abc import Iterator

_CERTIFICATES = ("ca_file", "cert_file", "key_file")


def resolve_secrets(values: dict[str, Any]) -> Iterator[Finding]:
    """Put the text of `mqtt.password_file` in the place of `mqtt.password`; name every file that cannot be read."""
    mqtt = values.get("mqtt")
    if not isinstance(mqtt, dict):
        return
    secret = _path(mqtt.get("password_file"))
    if secret and "password" not in mqtt:
        yield from _read_password(mqtt, secret)
    tls = table(mqtt.get("tls"))
    for name in _CERTIFICATES:
        yield from _readable(("mqtt", "tls", name), _path(tls.get(name)))


def _read_password(mqtt: dict[str, Any], file: Path) -> Iterator[Finding]:
    key = ("mqtt", "password_file")
    try:
        password = file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        yield _unreadable(key, file, error)
        return
    if password:
        mqtt["password"] = password
    else:
        yield Finding(key, f"{_quoted(file)} is empty", "a file with a password in it")


def _readable(key: tuple[str, ...], path: Path | None) -> Iterator[Finding]:
    try:
        if path:
            path.read_bytes()
    except (OSError, ValueError) as error:
        yield _unreadable(key, path, error)


def _unreadable(key: tuple[str, ...], path: Path | None, error: Exception) -> Finding:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Finding(key, f"{_quoted(path)} cannot be read: {reason.lower()}", "a file that this user may read")


def _quoted(path: Path | None) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str | Path) and str(value) else None
