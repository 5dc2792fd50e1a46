"""Every kind of provision, in the order in which documents tell of them. A new one is a module, and a line here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, cast

from edge_agent.plan import keys
from edge_agent.plan.provisions.groups import Group
from edge_agent.plan.provisions.interlocks import Interlock
from edge_agent.plan.provisions.sequences import StepSequence
from edge_agent.plan.provisions.tanks import Tank
from edge_agent.plan.provisions.tariffs import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Provision
    from edge_agent.plan.provisions.spec import ProvisionKind

_K = TypeVar("_K", bound="ProvisionKind")
PROVISIONS: tuple[type[ProvisionKind], ...] = (
    Group,
    StepSequence,
    Interlock,
    Tank,
    Tariff,
)


def provision_named(name: str) -> type[ProvisionKind]:
    """Find a kind of provision by its name. Raises ValueError where there is none."""
    for kind in PROVISIONS:
        if kind.name == name:
            return kind
    raise ValueError(f"there is no kind of provision {name}")


def provision_of(provision: Provision) -> ProvisionKind:
    """Return what a provision is of its kind. Raises ValueError where there is no such kind, or its keys are wrong."""
    return _made(provision.kind, provision.parameters)


def provisions_of(kind: type[_K], provisions: Iterable[Provision]) -> dict[str, _K]:
    """Return those of one kind, by their ids."""
    return {each.id: cast("_K", provision_of(each)) for each in provisions if each.kind == kind.name}


@lru_cache(4096)
def _made(name: str, parameters: str) -> ProvisionKind:
    kind = provision_named(name)
    return kind(**keys.read(kind, parameters))


def canonical(name: str, parameters: str) -> str:
    """Return parameters as they are kept. Raises ValueError where there is no such kind, or its keys are wrong."""
    return keys.canonical(provision_named(name), parameters)
