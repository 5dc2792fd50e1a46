"""The agent's settings: one frozen tree, from a TOML file and the environment; what it is made of is in sections."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError, create_model
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edge_agent.errors import ConfigurationError, Problem
from edge_agent.knowledge.kinds.registry import CACHES, UTILITIES
from edge_agent.settings.environment import PREFIX, SEPARATOR, overlay
from edge_agent.settings.findings import Finding, findings, unknown_key
from edge_agent.settings.lines import with_lines
from edge_agent.settings.secretfiles import resolve_secrets
from edge_agent.settings.sections import (
    AgentSection,
    ControlSection,
    HttpSection,
    LogSection,
    MqttSection,
    QualitySection,
    StoreSection,
)
from edge_agent.settings.stores import SECTIONS, named, unread
from edge_agent.settings.together import store_findings, together
from edge_agent.settings.tomlfile import find, read_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from edge_agent.knowledge.kinds.spec import CacheKind, UtilityKind
    from edge_agent.settings.findings import KeyPath

NAME = "agent.toml"


class _Own(BaseSettings):
    """Who the agent is, its broker, its own store."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        env_prefix=PREFIX,
        env_nested_delimiter=SEPARATOR,
    )

    agent: AgentSection = AgentSection()
    mqtt: MqttSection = MqttSection()
    store: StoreSection = StoreSection()


if TYPE_CHECKING:
    _Stores = _Own  # what is made of the kinds of stores, no type checker can see
else:
    _Stores = create_model(
        "_Stores", __base__=_Own, **{name: (section, section()) for name, section in SECTIONS.items()}
    )


class Settings(_Stores):
    """Everything that can be set about an agent; constructed by hand it reads neither file nor environment."""

    quality: QualitySection = QualitySection()
    http: HttpSection = HttpSection()
    log: LogSection = LogSection()
    control: ControlSection = ControlSection()

    def utility(self) -> UtilityKind | None:
        """Return the store of the utility; None where none is named."""
        return named(self, UTILITIES)

    def utility_unread(self) -> Path | None:
        """Return the file that says where the store of the utility is, where that was not read."""
        return unread(self, UTILITIES)

    def cache(self) -> CacheKind | None:
        """Return the cache that gateways share; None where none is named."""
        return named(self, CACHES)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments only: `load_settings` joins file and environment, so that errors name the one at fault."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load_settings(
    path: Path | None, environ: Mapping[str, str], *, reads: Callable[[Path], bool] = lambda _: True
) -> Settings:
    """Read the settings: defaults, under the file, under `EDGE_AGENT_*`.

    Without a path: `config/agent.toml`, else `/etc/edge-agent/agent.toml`, else no file. `reads` says of each file
    that the settings name (secrets, certificates) whether to look into it.
    Raises ConfigurationError with every problem of both.
    """
    found = find_settings(path)
    if found is None:
        return settings_from({}, "", environ, reads=reads)
    with with_lines(found):
        return settings_from(read_toml(found), str(found), environ, reads=reads)


def find_settings(path: Path | None) -> Path | None:
    """Name the settings file that is read: the given one, else the first of the two places that has one."""
    return path or find(NAME)


def settings_from(
    raw: dict[str, Any], file: str, environ: Mapping[str, str], *, reads: Callable[[Path], bool] = lambda _: True
) -> Settings:
    """Build the settings from a parsed file and the environment. Raises ConfigurationError with every problem."""
    values = deepcopy(raw)
    origins, problems = overlay(values, environ, Settings)
    wrong = [
        *_unknown_sections(values),
        *together(values),
        *resolve_secrets(values, reads),
        *store_findings(values),
    ]
    known = {name: section for name, section in values.items() if name in Settings.model_fields}
    try:
        settings = Settings(**known)
    except ValidationError as error:
        wrong += findings(error, Settings)
    problems += [_placed(finding, file, origins) for finding in wrong]
    if problems:
        raise ConfigurationError(problems)
    return settings


def _placed(finding: Finding, file: str, origins: Mapping[KeyPath, str]) -> Problem:
    variable = origins.get(finding.path)
    if variable:
        return Problem("environment", variable, finding.wrong, finding.expected)
    return finding.problem(file)


def _unknown_sections(values: dict[str, Any]) -> Iterator[Finding]:
    for name in values.keys() - Settings.model_fields.keys():
        yield unknown_key((name,), Settings)
