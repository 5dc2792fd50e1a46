"""The sections of the settings that name stores: one a kind, with a file for where it is, which may hold a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, create_model

from edge_agent.knowledge.kinds.registry import STORES, members_of
from edge_agent.settings.sections import FilePath, Section

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from edge_agent.knowledge.kinds.spec import StoreKind

    _Kind = TypeVar("_Kind", bound=StoreKind)


def _section(kind: type[StoreKind]) -> type[Section]:
    """Return the section of a kind: its members, and the file behind the one that says where the store is."""
    members: dict[str, Any] = {}
    for name, member in members_of(kind).items():
        members[name] = member
        if name == kind.where:
            said = f"File to read the {name} from; a newline at its end is not part of it."
            members[f"{name}_file"] = (FilePath | None, Field(None, description=said))
    return create_model(f"{kind.__name__}Section", __base__=Section, __doc__=kind.__doc__, **members)


SECTIONS: dict[str, type[Section]] = {kind.name: _section(kind) for kind in STORES}
#: Where each store is, by section and name.
PLACES = tuple((kind.name, kind.where) for kind in STORES)


def emptied() -> dict[str, Section]:
    """Return the sections of settings that name no store."""
    return {name: section() for name, section in SECTIONS.items()}


def named(settings: BaseModel, kinds: tuple[type[_Kind], ...]) -> _Kind | None:
    """Return that of several kinds of stores which the settings name; None where they name none."""
    for kind in kinds:
        section = getattr(settings, kind.name)
        made = kind(**{name: getattr(section, name) for name in members_of(kind)})
        if made.address is not None:
            return made
    return None


def unread(settings: BaseModel, kinds: tuple[type[StoreKind], ...]) -> Path | None:
    """Return the file that says where a store of several kinds is, where it was not read."""
    for kind in kinds:
        section = getattr(settings, kind.name)
        file: Path | None = getattr(section, f"{kind.where}_file")
        if file is not None and getattr(section, kind.where) is None:
            return file
    return None
