"""A fingerprint of a plant file's content, to tell whether it was applied already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_agent.model.plant import Plant, Policy


def digest(plant: Plant) -> str:
    """Fingerprint a plant: 64 hex digits, the same for the same content in whatever order the file gives it."""
    content = plain(replace(plant, policy=_in_order(plant.policy)))
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def plain(value: Any) -> Any:  # noqa: ANN401 - any noun in, any JSON value out
    """Turn nouns into what JSON knows: dataclasses and mappings to dicts, tuples to lists, numbers to floats."""
    kind = type(value)
    if kind is str or kind is float or value is None:  # what there is most of
        return value
    if names := _fields(kind):  # type: ignore[arg-type] # mypy looks for the hash of an instance
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # 5 and 5.0 in a file are the same limit
    return value


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


def _in_order(policy: Policy) -> Policy:
    return replace(
        policy,
        thresholds=tuple(sorted(policy.thresholds, key=lambda threshold: threshold.alarm)),
        plans=tuple(sorted(policy.plans, key=lambda plan: plan.id)),
    )
