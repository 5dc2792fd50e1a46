"""What a shell beside the service lacks: the environment and secrets of its unit, the right to read its files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.errors import StoreError, UsageError
from edge_agent.settings.agent import find_settings, load_settings
from edge_agent.settings.unit import CREDENTIALS, FOLDERS, read_unit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from edge_agent.settings.agent import Settings

SERVICE_SETTINGS = Path("/etc/edge-agent/agent.toml")


class Surroundings(NamedTuple):
    """The environment that counts for a settings file, whether that is the service's, and what to say of it."""

    environ: dict[str, str]
    is_service: bool
    notes: list[str]


def surroundings(config: Path | None, environ: Mapping[str, str]) -> Surroundings:
    """Return the environment for a settings file: the shell's, over that of the unit where it runs with the file."""
    unit = read_unit(FOLDERS)
    used = find_settings(config)
    if unit is None or unit.config is None or used is None or not _same(unit.config, used):
        return Surroundings(dict(environ), False, [])
    notes = [f"the environment that {unit.path} sets counts as well"] if unit.environ else []
    return Surroundings({**unit.environ, **environ}, True, notes + unit.unseen)


def _same(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:
        return False


def shell_settings(arguments: argparse.Namespace) -> Settings:
    """Load the settings of the agent that a command is about, without its secrets."""
    return load_settings(arguments.config, surroundings(arguments.config, os.environ).environ, reads=lambda _: False)


def database_settings(arguments: argparse.Namespace) -> Settings:
    """Load the settings with where the utility's store is, be it in a file. Raises UsageError where that is hidden."""
    environ = surroundings(arguments.config, os.environ).environ
    settings = load_settings(arguments.config, environ, reads=lambda path: not _is_forbidden(path))
    hidden = settings.utility_unread()
    if hidden is not None:
        raise UsageError(f"{hidden} may not be read by this user: {as_owner(hidden)}")
    return settings


class ReadableFiles:
    """The secrets and certificates that this user may read; `notes` name those of the service that were left out."""

    def __init__(self, around: Surroundings) -> None:
        self._is_service = around.is_service
        self.notes = list(around.notes)

    def __call__(self, path: Path) -> bool:
        """Return whether a file may be read by this user, not by the service or another user alone."""
        if path.is_relative_to(CREDENTIALS) and not os.access(path, os.R_OK):
            self.notes.append(f"{path} is not looked at: the service alone has it, while it runs")
            return False
        if self._is_service and _is_forbidden(path):
            self.notes.append(f"{path} is not looked at: this user may not read it (sudo edge-agent check)")
            return False
        return True


def _is_forbidden(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(path, os.R_OK)


def store_of(arguments: argparse.Namespace) -> Path:
    """Name the store of the agent that a command is about. Raises StoreError where it is missing, or out of reach."""
    path = shell_settings(arguments).store.path
    refuse_hidden(path)
    if not path.is_file():
        raise StoreError(f"There is no store at {path}: it is made when the agent first runs{_elsewhere(arguments)}.")
    return path


def refuse_hidden(path: Path) -> None:
    """Raise StoreError where this user may not read a store, or may not look whether there is one."""
    if _is_forbidden(path):
        raise StoreError(f"The store {path} may not be read by this user: {as_owner(path)}.")


def refuse_unwritable(path: Path) -> None:
    """Raise StoreError where this user may not write to a store that is there."""
    refuse_hidden(path)
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise StoreError(f"The store {path} may not be written by this user: {as_owner(path)}.")


def refuse_to_begin(path: Path) -> None:
    """Raise UsageError where root would begin a store in a folder of the service, which then could not use it."""
    try:
        if os.geteuid() != 0 or path.exists() or path.parent.stat().st_uid == 0:
            return
    except OSError:  # there is no such folder, or it cannot be used: to open the store says so
        return
    raise UsageError(f"The store {path} would belong to root: {as_owner(path.parent)}")


def as_owner(path: Path) -> str:
    """Say as whom a command can be given that may not use a file."""
    for place in (path, *path.parents):
        try:
            return f"try sudo -u {place.owner()} edge-agent ..."
        except (OSError, KeyError):  # hidden, or of an account that is gone
            continue
    return "try sudo edge-agent ..."


def _elsewhere(arguments: argparse.Namespace) -> str:
    used = find_settings(arguments.config)
    if used is None or _same(used, SERVICE_SETTINGS) or not os.access(SERVICE_SETTINGS, os.R_OK):
        return ""
    return f" (by {used}; for that of the service say --config {SERVICE_SETTINGS})"
