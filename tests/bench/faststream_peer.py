"""FastStream, in a virtual environment of its own: a handler that takes validated readings, without checks."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

from bench.peers import cache, install
from bench.subjects import Script

VERSION = "0.7.8"


def start(port: int) -> Script:
    """Install it where it is missing, and start it. Raises MissingError."""
    home = cache() / f"faststream-{VERSION}-{sys.version_info.major}.{sys.version_info.minor}"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        venv.create(home, with_pip=True)
        install([os.fspath(python), "-m", "pip", "install", "--quiet", f"faststream[mqtt]=={VERSION}"], home)
        (home / "installed").touch()
    program = Path(__file__).with_name("receive_faststream.py")
    command = [os.fspath(python), os.fspath(program), str(port), "faststream"]
    return Script(f"FastStream {VERSION}, validated readings only", "faststream", command)
