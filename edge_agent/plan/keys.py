"""The keys of what is registered, kinds of plans and of provisions: how they are kept, as JSON."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def members_of(kind: type) -> dict[str, Any]:
    """Return the members of a kind, a dataclass, each with its type and what it says of itself."""
    hints = get_type_hints(kind, include_extras=True)
    return {member.name: hints[member.name] for member in fields(kind)}


def read(kind: type, parameters: str, without: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Read keys from JSON; those in `without` stand elsewhere. Raises ValueError where they are wrong."""
    return dict(_reader(kind, without).model_validate_json(parameters))


def canonical(kind: type, parameters: str, without: tuple[str, ...] = ()) -> str:
    """Return keys as they are kept: JSON in the order of names, without what is as it is anyway. Raises ValueError."""
    told, defaults = read(kind, parameters, without), _defaults(kind)
    given = {key: _plain(value) for key, value in told.items() if key not in defaults or value != defaults[key]}
    return json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def written(part: object) -> dict[str, Any]:
    """Return the members of a part as they would stand in a plant file."""
    return {name: _plain(getattr(part, name)) for name in members_of(type(part))}


@cache
def _reader(kind: type, without: tuple[str, ...]) -> type[BaseModel]:
    defaults = _defaults(kind)
    members: dict[str, Any] = {
        key: (annotation, defaults.get(key, ...)) for key, annotation in members_of(kind).items() if key not in without
    }
    return create_model(kind.__name__, __config__=_STRICT, **members)


def _defaults(noun: type) -> dict[str, Any]:
    return {member.name: member.default for member in fields(noun) if member.default is not MISSING}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any member in, any JSON value out
    if is_dataclass(value) and not isinstance(value, type):
        defaults = _defaults(type(value))
        members = {member.name: getattr(value, member.name) for member in fields(value)}
        return {key: _plain(one) for key, one in members.items() if key not in defaults or one != defaults[key]}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
