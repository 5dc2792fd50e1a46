"""Builds a program of a Go module, once, into the cache."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.peers import MissingError, cache, install

_SECONDS = 420
_ENVIRON = {"GOFLAGS": "-mod=mod"}


def build(name: str, module: str, version: str, package: str, *flags: str) -> Path:
    """Build a program where it is missing; give its folder, in which it lies under its name. Raises MissingError.

    `go install` refuses modules that replace others, so a module of our own asks for them.
    """
    folder = cache() / f"{name}-{version}"
    if not (folder / name).exists():
        if not (folder / "go.mod").exists():
            install(["go", "mod", "init", f"bench.local/{name}"], folder)
        install(["go", "get", f"{module}@{version}"], folder, _SECONDS, _ENVIRON)
        install(["go", "build", *flags, "-o", name, f"{module}/{package}"], folder, _SECONDS, _ENVIRON)
    return folder


def module_folder(module: str, version: str, folder: Path) -> Path:
    """Find the files of a module that was built. Raises MissingError."""
    command = ["go", "list", "-m", "-f", "{{.Dir}}", f"{module}@{version}"]
    done = subprocess.run(command, cwd=folder, env=os.environ | _ENVIRON, capture_output=True, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        raise MissingError("the module's own files are not there")
    return Path(done.stdout.strip())
