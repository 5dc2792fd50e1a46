"""The version that runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Read the version of the installed package; a source tree that is not installed has none."""
    try:
        return version("edge-agent")
    except PackageNotFoundError:
        return "0+source"
