"""pydantic models that follow the nouns: a member that a noun gets is validated without a word here."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from edge_agent.model.plant import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a calendar knows, in microseconds.
At: TypeAlias = Annotated[int, Field(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)
_NAMES = {"Instant": At, "Priority": Priority}


def model_of(noun: type[Any], *, whole: bool = False, **narrower: Any) -> type[BaseModel]:  # noqa: ANN401 - types
    """Make the model of a noun, from its own members; some may be given a narrower type, and `whole` needs them all."""
    hints = get_type_hints(noun, localns=_NAMES, include_extras=True)
    defaults = {} if whole else _defaults(noun)
    found = {name: (narrower.get(name, hints[name]), defaults.get(name, ...)) for name in members(noun)}
    return create_model(noun.__name__, __config__=STRICT, **found)  # type: ignore[call-overload,no-any-return]  # made


def members(noun: type[Any]) -> tuple[str, ...]:
    """Return the names of a noun's members, in their order."""
    return tuple(one.name for one in fields(noun)) if is_dataclass(noun) else noun._fields


def named(noun: type[Any], row: Iterable[Any]) -> dict[str, Any]:
    """Return the values of a row by the names of a noun's members."""
    return dict(zip(members(noun), row, strict=True))


def _defaults(noun: type[Any]) -> dict[str, Any]:
    if not is_dataclass(noun):
        return dict(noun._field_defaults)
    defaults: dict[str, Any] = {one.name: one.default for one in fields(noun) if one.default is not MISSING}
    for one in fields(noun):
        if one.default_factory is not MISSING:
            defaults[one.name] = Field(default_factory=one.default_factory)
    return defaults
