"""Thresholds as rows: of which there are tens of thousands, so that what is the same is not read again."""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from sys import intern
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from edge_agent.analyze.measures.registry import kind_of, members_of
from edge_agent.errors import PolicyRefusedError
from edge_agent.model.plant import VALUE, Threshold

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.analyze.measures.spec import Measure
    from edge_agent.knowledge.statements import Row

_T = TypeVar("_T")
_THRESHOLD = TypeAdapter(Threshold)
_TOLD = TypeAdapter(dict[str, Any])
#: Where a row of a threshold has the parameters of its measure, and all its other members.
_PARAMETERS = tuple(Threshold.__dataclass_fields__).index("parameters")
_PLAIN_MEMBERS = attrgetter(*(name for name in Threshold.__dataclass_fields__ if name != "parameters"))


def shared(row: Row, numbers: dict[float, float]) -> Row:
    """Return the same object for equal texts and numbers: thresholds have few different ones."""
    return tuple(
        intern(value) if type(value) is str else numbers.setdefault(value, value) if type(value) is float else value
        for value in row
    )


def says(row: Row, threshold: Threshold) -> bool:
    """Whether a row says what a threshold does; of what a measure is told nobody knows without reading it."""
    place = _PARAMETERS
    if threshold.parameters or row[place] != "{}":
        return False
    return (*row[:place], *row[place + 1 :]) == _PLAIN_MEMBERS(threshold)


def threshold_noun(row: Row) -> Threshold:
    """Read a threshold. Raises PolicyRefusedError where the row makes no sense."""
    names = tuple(Threshold.__dataclass_fields__)
    return checked("threshold", _THRESHOLD, row, lambda: _measured(dict(zip(names, row, strict=True))))


def _measured(members: dict[str, Any]) -> dict[str, Any]:
    """Read what the measure of a threshold is told. Raises ValueError where there is no such measure."""
    name, given = members["measure"], members["parameters"]
    if (name, given) == (VALUE, "{}"):
        return members | {"parameters": ()}
    told, kind = sorted(_TOLD.validate_json(given)), kind_of(name)
    in_vain = set(told).difference(members_of(kind))
    if in_vain:
        raise ValueError(f"{', '.join(sorted(in_vain))} is nothing to {name}")
    read = _checker(name).validate_json(given, strict=True)
    return members | {"parameters": tuple((key, getattr(read, key)) for key in told)}


@cache
def _checker(measure: str) -> TypeAdapter[Measure]:
    return TypeAdapter(kind_of(measure))


def checked(what: str, adapter: TypeAdapter[_T], row: Row, members: Callable[[], Any]) -> _T:
    """Validate the members of a row. Raises PolicyRefusedError where it makes no sense."""
    try:
        return adapter.validate_python(members())
    except ValueError as error:
        raise PolicyRefusedError(f"The store holds a {what} that makes no sense: {row!r}{_why(error)}.") from error


def _why(error: ValueError) -> str:
    """Return what a noun says of itself; what pydantic says of a type is seen in the row."""
    details = error.errors(include_url=False) if isinstance(error, ValidationError) else []
    said = [str(detail["ctx"]["error"]) for detail in details if detail["type"] == "value_error"]
    return f": {said[0]}" if said else ""
