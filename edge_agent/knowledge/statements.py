"""SQL from files: named statements, and numbered migrations."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

#: A row of a table: what a statement takes, or gives.
Row: TypeAlias = tuple[Any, ...]

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql")


class Migration(NamedTuple):
    """One numbered step of a schema: the version it leads to, and its script."""

    version: int
    script: str


@cache
def statements(room: str, name: str) -> Mapping[str, str]:
    """Read the statements of `{room}/sql/{name}.sql` by name: each stands under a line `-- name: insert_reading`."""
    _, *parts = _NAME.split((_folder(room) / f"{name}.sql").read_text(encoding="utf-8"))
    bodies = (_COMMENT.sub("", body).strip() for body in parts[1::2])
    return MappingProxyType(dict(zip(parts[::2], bodies, strict=True)))


@cache
def migrations(room: str) -> tuple[Migration, ...]:
    """Read the migrations of a room, in order: `{room}/sql/0001_first.sql` leads to version 1."""
    found = ((_MIGRATION.fullmatch(file.name), file) for file in _folder(room).iterdir())
    steps = (Migration(int(match[1]), file.read_text(encoding="utf-8")) for match, file in found if match)
    return tuple(sorted(steps))


def _folder(room: str) -> Traversable:
    return files("edge_agent.knowledge") / room / "sql"
