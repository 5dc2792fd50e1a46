"""Every kind of plan, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from edge_agent.plan.kinds.condition import Condition
from edge_agent.plan.kinds.stages import Stages
from edge_agent.plan.kinds.timetable import Timetable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_agent.model.plant import Plan
    from edge_agent.plan.kinds.spec import PlanKind

KINDS: tuple[type[PlanKind], ...] = (
    Condition,
    Stages,
    Timetable,
)

#: Members that a plan has whatever its kind, each with a column of its own in the stores; all others are parameters.
OWN_COLUMNS = ("when", "unless", "do")
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def kind_named(name: str) -> type[PlanKind]:
    """Find a kind by its name. Raises ValueError where there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"there is no kind of plan {name}")


def members_of(kind: type[PlanKind]) -> dict[str, Any]:
    """Return the members of a kind, each with its type and what it says of itself."""
    hints = get_type_hints(kind, include_extras=True)
    return {member.name: hints[member.name] for member in fields(kind)}  # type: ignore[arg-type] # each is a dataclass


def kind_of(plan: Plan) -> PlanKind:
    """Return what a plan is of its kind. Raises ValueError where there is no such kind, or its keys are wrong."""
    return _made(plan.kind, plan.parameters, plan.when, plan.unless, plan.do)


@lru_cache(4096)
def _made(name: str, parameters: str, *own: Any) -> PlanKind:  # noqa: ANN401 - the members of OWN_COLUMNS
    kind = kind_named(name)
    members = members_of(kind)
    told = {key: given for key, given in zip(OWN_COLUMNS, own, strict=True) if key in members}
    in_vain = [key for key, given in zip(OWN_COLUMNS, own, strict=True) if given and key not in members]
    if in_vain:
        raise ValueError(f"{', '.join(in_vain)} is nothing to a plan of kind {name}")
    return kind(**told, **_parameters(name, parameters))


def canonical(name: str, parameters: str) -> str:
    """Return parameters as they are kept: JSON with sorted keys, without what is as it is anyway.

    Raises ValueError where there is no such kind, or its keys are wrong.
    """
    told, defaults = _parameters(name, parameters), _defaults(kind_named(name))
    given = {key: _plain(value) for key, value in told.items() if key not in defaults or value != defaults[key]}
    return json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def written(kind: PlanKind) -> dict[str, Any]:
    """Return the members of a kind as they would stand in a plant file."""
    return {name: _plain(getattr(kind, name)) for name in members_of(type(kind))}


def _parameters(name: str, parameters: str) -> Mapping[str, Any]:
    """Read parameters. Raises ValueError where they are not those of the kind."""
    return dict(_reader(name).model_validate_json(parameters))


@cache
def _reader(name: str) -> type[BaseModel]:
    kind = kind_named(name)
    defaults = _defaults(kind)
    members: dict[str, Any] = {
        key: (annotation, defaults.get(key, ...))
        for key, annotation in members_of(kind).items()
        if key not in OWN_COLUMNS
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
