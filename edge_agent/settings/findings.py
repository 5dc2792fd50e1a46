"""Turns what pydantic finds wrong into sentences: where, what is wrong, what was expected."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from edge_agent.errors import Problem
from edge_agent.model.harmless import harmless
from edge_agent.model.spelling import did_you_mean, one_of, show

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

KeyPath: TypeAlias = tuple[str | int, ...]

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
#: The kind of an error that brings its own `wrong` and `expected`.
TOLD = "told"
#: How pydantic marks that a key is meant and not its value.
_KEY = "[key]"
_KINDS: dict[type, str] = {bool: "a boolean", str: "text", int: "a whole number", float: "a number"}
_SAYINGS = {
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not allowed",
    "literal_error": "is not allowed",
    "finite_number": "is not a finite number",
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), "is out of range"),
}
_PHRASES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    Path: "a path",
    dict: "a table",
}


class Finding(NamedTuple):
    """One mistake, before it is known which file its key came from."""

    path: KeyPath
    wrong: str
    expected: str

    def problem(self, file: str) -> Problem:
        """Place it in a file."""
        return Problem(file, dotted(self.path), harmless(self.wrong), harmless(self.expected))


class Place(NamedTuple):
    """What a schema says about one key: its type, and its field where it has one of its own."""

    type: Any
    field: FieldInfo | None = None

    @property
    def bare(self) -> Any:  # noqa: ANN401 - any type at all
        """The type without `Annotated` and `| None`."""
        return self._peeled[0]

    @property
    def fields(self) -> list[FieldInfo]:
        """The field, and what `Annotated` says besides."""
        return [*([self.field] if self.field else []), *self._peeled[1]]

    @property
    def choices(self) -> tuple[str, ...]:
        """What a `Literal` allows; empty for any other type."""
        return get_args(self.bare) if get_origin(self.bare) is Literal else ()

    @property
    def variants(self) -> dict[str, Any]:
        """The tables that may stand here, by what tells them apart; empty where there is one, or none."""
        arguments = get_args(self.type)
        said = arguments[1:] if get_origin(self.type) is Annotated else ()
        key = next((one.discriminator for one in said if isinstance(one, FieldInfo) and one.discriminator), None)
        tables = get_args(arguments[0]) if isinstance(key, str) else ()
        return {get_args(table.model_fields[key].annotation)[0]: table for table in tables}

    @property
    def _peeled(self) -> tuple[Any, list[FieldInfo]]:
        annotation, said = self.type, []
        while get_origin(annotation) in {Annotated, Union, UnionType}:
            said += [part for part in getattr(annotation, "__metadata__", ()) if isinstance(part, FieldInfo)]
            annotation = next(part for part in get_args(annotation) if part is not NoneType)
        return annotation, said


def dotted(path: KeyPath) -> str:
    """Write a key as TOML does, list positions in brackets: `plans.fill.do[0].action`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part if part and _BARE.issuperset(part) else json.dumps(part, ensure_ascii=False)
            text += f".{bare}" if text else bare
    return text


def findings(error: ValidationError, schema: type[BaseModel]) -> list[Finding]:
    """Translate everything one validation found."""
    # pydantic calls a list too short as well when a wrong element leaves none: that element is told of already.
    details = [detail for detail in error.errors(include_url=False) if not _echoes(detail)]
    return list(dict.fromkeys(_finding(detail, schema) for detail in details))


def _echoes(detail: ErrorDetails) -> bool:
    return detail["type"] == "too_short" and bool(detail["input"])


def _finding(detail: ErrorDetails, schema: type[BaseModel]) -> Finding:
    kind, value = detail["type"], detail["input"]
    # A table may have a key that is written like the mark; only a bad id is marked and fails a pattern.
    of_key = kind == "string_pattern_mismatch" and detail["loc"][-1] == _KEY
    where = detail["loc"][:-1] if of_key else detail["loc"]
    if kind == "missing" and isinstance(where[-1], int):  # an element of a list of fixed length: the list is wrong
        where = where[:-1]
    path, (*_, above, here) = _followed(schema, where)
    if kind.startswith("union_"):
        return _unknown_variant(path, value, here)
    if kind == "extra_forbidden":
        return unknown_key(path, above.bare)
    if kind == TOLD:
        return Finding(path, detail["ctx"]["wrong"], detail["ctx"]["expected"])
    if of_key:
        id_ = Place(get_args(above.bare)[0])
        return Finding(path, f"{show(value)} is not allowed", phrase(id_) + _lower_case(value, id_))
    if kind == "missing" and where == detail["loc"]:
        return Finding(path, "is missing", wanted(here))
    shown = "it" if here.bare is SecretStr else show(value)
    return Finding(path, _wrong(kind, value, shown=shown), wanted(here, value) + _lower_case(value, here))


def _lower_case(written: object, here: Place) -> str:
    """Say so where only the capitals of a name are not allowed."""
    if not isinstance(written, str) or written == written.lower():
        return ""
    patterns = [getattr(constraint, "pattern", None) for field in here.fields for constraint in field.metadata]
    fits = any(pattern and re.fullmatch(pattern, written.lower()) for pattern in patterns)
    return f"; ids are lower case: did you mean {written.lower()}?" if fits else ""


def unknown_key(path: KeyPath, owner: type[BaseModel]) -> Finding:
    """Say that a table has no such key, and which it has."""
    return Finding(path, "is not a known key", one_of(owner.model_fields, path[-1]))


def _wrong(kind: str, value: object, *, shown: str) -> str:
    if isinstance(value, dict):
        return "is a table"
    if isinstance(value, list):
        return _wrong_list(kind, value)
    said = _SAYINGS.get(kind) or f"is {_KINDS.get(type(value), 'not of the right type')}"
    return f"{shown} {said}"


def _wrong_list(kind: str, value: list[object]) -> str:
    if kind not in {"too_short", "too_long", "missing"}:
        return "is a list"
    return f"is a list of {len(value)}" if value else "is an empty list"


def place(schema: type[BaseModel], path: KeyPath) -> Place:
    """Find what the schema says about a key; `Any` for one it does not know."""
    return _followed(schema, path)[1][-1]


def _followed(schema: type[BaseModel], way: KeyPath) -> tuple[KeyPath, list[Place]]:
    """Follow the way to a mistake; return the keys of it, without which of several tables it was, and each place."""
    path: KeyPath = ()
    places = [Place(schema)]
    for part in way:
        variant = places[-1].variants.get(str(part))
        if variant is None:
            path = (*path, part)
            places.append(_step(places[-1].bare, part))
        else:
            places[-1] = Place(variant)
    return path, places


def _unknown_variant(path: KeyPath, table: Any, here: Place) -> Finding:  # noqa: ANN401 - as it is written
    """Say that there is no table of this kind, and which there are."""
    name = table["kind"]
    choices = one_of(f'"{variant}"' for variant in here.variants)
    return Finding((*path, "kind"), f"{show(name)} is not allowed", choices + did_you_mean(name, here.variants))


def _step(owner: object, part: str | int) -> Place:
    if isinstance(owner, type) and issubclass(owner, BaseModel):
        field = owner.model_fields.get(str(part))
        return Place(field.annotation, field) if field else Place(Any)
    arguments = get_args(owner)
    if get_origin(owner) is dict:
        return Place(arguments[1])
    return Place(arguments[0]) if arguments else Place(Any)


def phrase(here: Place) -> str:
    """Say what belongs at a key: `a whole number from 1 to 65535`. A field's title overrides."""
    titles = [field.title for field in here.fields if field.title]
    if titles:
        return titles[0]
    if here.choices:
        return one_of(f'"{name}"' for name in here.choices)
    bare = here.bare
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return "a table"
    return _PHRASES.get(get_origin(bare) or bare, "something else") + _bounds(here)


def wanted(here: Place, written: object = None) -> str:
    """Say what belongs at a key and, for a fixed choice, which of it was probably meant."""
    return phrase(here) + did_you_mean(written, here.choices)


def _bounds(here: Place) -> str:
    found: dict[str, Any] = {}
    for constraint in (constraint for field in here.fields for constraint in field.metadata):
        found |= {name: getattr(constraint, name) for name in ("ge", "gt", "le") if hasattr(constraint, name)}
    if {"ge", "le"} <= found.keys():
        return f" from {found['ge']} to {found['le']}"
    if "gt" in found:
        return f" above {found['gt']}" + (f" and at most {found['le']}" if "le" in found else "")
    return f" of at least {found['ge']}" if "ge" in found else ""
