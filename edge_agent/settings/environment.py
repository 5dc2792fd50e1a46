"""Lays environment variables over what a file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from edge_agent.errors import Problem
from edge_agent.model.spelling import did_you_mean
from edge_agent.settings.findings import Place, phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

    from edge_agent.settings.findings import KeyPath

PREFIX = "EDGE_AGENT_"
SEPARATOR = "__"


class Setting(NamedTuple):
    """One value that can be set: where it stands in the tree and what is known of it."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def key(self) -> str:
        """The dotted key, `mqtt.tls.ca_file`."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return PREFIX + SEPARATOR.join(self.path).upper()

    @property
    def wanted(self) -> str:
        """What it takes, as a phrase."""
        return phrase(Place(self.field.annotation, self.field))


def every_setting(tree: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[Setting]:
    """Walk a tree of settings, in its order, down to the single values."""
    for name, field in tree.model_fields.items():
        section = _section(field.annotation)
        if section:
            yield from every_setting(section, (*above, name))
        else:
            yield Setting((*above, name), field)


def _section(annotation: object) -> type[BaseModel] | None:
    parts = (annotation, *get_args(annotation))
    return next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)


def overlay(
    values: dict[str, Any], environ: Mapping[str, str], tree: type[BaseModel]
) -> tuple[dict[KeyPath, str], list[Problem]]:
    """Write the variables that are set and not empty into `values`.

    Returns which key came from which variable, and a problem for each `EDGE_AGENT_*` variable that is no setting.
    """
    known = {setting.variable: setting for setting in every_setting(tree)}
    origins: dict[KeyPath, str] = {}
    problems: list[Problem] = []
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        setting = known.get(variable)
        if setting is None:
            problems.append(_unknown(variable, list(known)))
        elif environ[variable]:
            origins |= _put(values, setting, environ[variable])
    return origins, problems


def _unknown(variable: str, known: list[str]) -> Problem:
    expected = f"only variables of known settings to begin with {PREFIX}{did_you_mean(variable, known)}"
    return Problem("environment", variable, "no setting has this variable", expected)


def _put(values: dict[str, Any], setting: Setting, text: str) -> dict[KeyPath, str]:
    """Set one value, making the tables above it; a place that is no table is left for the schema to complain of."""
    table = values
    for name in setting.path[:-1]:
        below = table.setdefault(name, {})
        if not isinstance(below, dict):
            return {}
        table = below
    table[setting.path[-1]] = _typed(setting, text)
    return {setting.path: setting.variable}


def _typed(setting: Setting, text: str) -> object:
    """Read text as the setting's type; what is not of that type stays text, for the schema to complain of."""
    try:
        return TypeAdapter[object](setting.field.annotation or str).validate_strings(text)
    except ValidationError:
        return text
