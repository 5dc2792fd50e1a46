"""Every kind of plan, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge_agent.plan import keys
from edge_agent.plan.kinds.condition import Condition
from edge_agent.plan.kinds.stages import Stages
from edge_agent.plan.kinds.timetable import Timetable

if TYPE_CHECKING:
    from edge_agent.model.plant import Plan
    from edge_agent.plan.kinds.spec import PlanKind

KINDS: tuple[type[PlanKind], ...] = (
    Condition,
    Stages,
    Timetable,
)

#: Members that a plan has whatever its kind, each with a column of its own in the stores; all others are parameters.
OWN_COLUMNS = ("when", "unless", "do")


def kind_named(name: str) -> type[PlanKind]:
    """Find a kind by its name. Raises ValueError where there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    raise ValueError(f"there is no kind of plan {name}")


def kind_of(plan: Plan) -> PlanKind:
    """Return what a plan is of its kind. Raises ValueError where there is no such kind, or its keys are wrong."""
    return _made(plan.kind, plan.parameters, plan.when, plan.unless, plan.do)


@lru_cache(4096)
def _made(name: str, parameters: str, *own: Any) -> PlanKind:  # noqa: ANN401 - the members of OWN_COLUMNS
    kind = kind_named(name)
    members = keys.members_of(kind)
    told = {key: given for key, given in zip(OWN_COLUMNS, own, strict=True) if key in members}
    in_vain = [key for key, given in zip(OWN_COLUMNS, own, strict=True) if given and key not in members]
    if in_vain:
        raise ValueError(f"{', '.join(in_vain)} is nothing to a plan of kind {name}")
    return kind(**told, **keys.read(kind, parameters, OWN_COLUMNS))


def canonical(name: str, parameters: str) -> str:
    """Return parameters as they are kept. Raises ValueError where there is no such kind, or its keys are wrong."""
    return keys.canonical(kind_named(name), parameters, OWN_COLUMNS)
