"""A fingerprint of a plant file's content, to tell whether it was applied already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from edge_agent.model.plant import CONDITION, SIDES, VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge_agent.model.plant import Node, Plan, Plant, Threshold


def digest(plant: Plant) -> str:
    """Fingerprint a plant: 64 hex digits, the same for the same content in whatever order the file gives it."""
    fingerprint = hashlib.sha256()
    for piece in _canonical(plant):
        fingerprint.update(piece.encode())
    return fingerprint.hexdigest()


def _canonical(plant: Plant) -> Iterator[str]:
    """Write a plant as JSON with sorted keys, in pieces: the whole of a large one would be a heap of its own."""
    plans = sorted(plant.policy.plans, key=lambda plan: plan.id)
    thresholds = sorted(plant.policy.thresholds, key=lambda threshold: threshold.alarm)
    yield '{"nodes":{'
    yield from _joined(f"{_json(node)}:{_json(_as_ever(plant.nodes[node]))}" for node in sorted(plant.nodes))
    yield '},"policy":{"plans":['
    yield from _joined(_json(_as_ever(plan)) for plan in plans)
    yield '],"thresholds":['
    yield from _joined(_json(_as_ever(threshold)) for threshold in thresholds)
    if plant.policy.provisions:
        yield '],"provisions":['
        yield from _joined(_json(plain(each)) for each in sorted(plant.policy.provisions, key=lambda one: one.name))
    yield f']}},"site":{_json(plant.site)}}}'


def _as_ever(noun: Node | Threshold | Plan) -> dict[str, Any]:
    """Turn a noun into what stores of before knew of it: another digest would take an untouched file for an edited one.

    The first quality tests stand there where they are not given too; what thresholds and plans got later only where it
    is given.
    """
    found: dict[str, Any] = plain(noun)
    for sensor in found.get("sensors", {}).values():
        sensor["quality"] = _FIRST_TESTS | sensor["quality"]
    for part in (*found.get("sensors", {}).values(), *found.get("actuators", {}).values()):
        for name in _LATER_OF_PARTS & part.keys():
            if not part[name]:
                del part[name]
    implied = SIDES.get(found.get("name", ""))
    later = _LATER | {"side": (implied,)}
    return {name: value for name, value in found.items() if value not in later.get(name, ())}


_FIRST_TESTS = dict.fromkeys(("gross_range", "rate_of_change", "spike", "flat_line", "freshness"))
_LATER: dict[str, tuple[Any, ...]] = {
    "measure": (VALUE,),
    "kind": (CONDITION,),
    "parameters": ([], "{}"),
    "annunciated": (True,),
    "status": ([],),
    "label": (None,),
}
_LATER_OF_PARTS = frozenset({"source", "wiring", "derived", "label", "expect", "rated_kw", "ramp_seconds"})


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    separator = ""
    for piece in pieces:
        yield separator + piece
        separator = ","


# Made once: `json.dumps` makes an encoder at each call that is not as usual.
_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def plain(value: Any) -> Any:  # noqa: ANN401 - any noun in, any JSON value out
    """Turn nouns into what JSON knows: dataclasses and mappings to dicts, tuples to lists, numbers to floats."""
    if value is None or isinstance(value, str | float | bool):
        return value
    if isinstance(value, int):
        return float(value)  # 5 and 5.0 in a file are the same limit
    names = _MEMBERS[type(value)]
    if names is not None:
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


class _Members(dict[type, tuple[str, ...] | None]):
    """The names of a dataclass's fields, looked up once; None of what is none."""

    def __missing__(self, kind: type) -> tuple[str, ...] | None:
        names = tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None
        self[kind] = names
        return names


_MEMBERS = _Members()
