"""Every kind of store beside the embedded one, in the order in which documents tell of them.

A new one is a module, and a line here: the sections of the settings, their schema, what `check` finds in them, and
whether it is opened, closed, kept in order and told of in the health follow from it.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from edge_agent.knowledge.kinds.postgres import Postgres
from edge_agent.knowledge.kinds.redis import Redis
from edge_agent.knowledge.kinds.spec import CacheKind, UtilityKind

if TYPE_CHECKING:
    from edge_agent.knowledge.kinds.spec import StoreKind

STORES: tuple[type[StoreKind], ...] = (
    Postgres,
    Redis,
)
#: What a store can be to a gateway: what governs it, and what it shares.
UTILITIES = tuple(kind for kind in STORES if issubclass(kind, UtilityKind))
CACHES = tuple(kind for kind in STORES if issubclass(kind, CacheKind))


def members_of(kind: type[StoreKind]) -> dict[str, tuple[Any, Any]]:
    """Return the members of a kind, each with its type, what that says of itself, and its default; ... for none."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        member.name: (hints[member.name], ... if member.default is MISSING else member.default)
        for member in fields(kind)  # type: ignore[arg-type] # each is a dataclass
    }
