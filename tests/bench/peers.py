"""What users would pick instead: where they are installed, how they are started, and why one is left out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.ask import Asker
from support.deadline import block_until

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANSWER_SECONDS = 60


class MissingError(Exception):
    """A peer cannot be had here; the sentence says why."""


def cache() -> Path:
    """Where peers are installed once and stay; never in the source tree."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "edge-agent-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(command: list[str], folder: Path, seconds: float = 600, environ: Mapping[str, str] | None = None) -> None:
    """Run one step of an installation. Raises MissingError with its last line."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise MissingError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise MissingError(f"{command[0]} took more than {seconds:g} s to install it") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        reason = said[-1].replace(os.fspath(Path.home()), "~")
        raise MissingError(f"it could not be installed: {reason[:160]}")


class Peer:
    """A process that handles `water/{site}/#` and tells its count when asked over MQTT."""

    def __init__(self, name: str, site: str, port: int, command: list[str], folder: Path) -> None:
        self.name, self.site = name, site
        self.folder = folder
        self._log = (folder / "peer.log").open("wb")
        self._process = subprocess.Popen(command, cwd=folder, stdout=self._log, stderr=subprocess.STDOUT)
        self._asker = Asker(port, site)
        try:
            block_until(self._answers, _ANSWER_SECONDS)
        except AssertionError:
            self.close()
            raise

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "peer.log").read_text(errors="replace")
        return self._asker.ask(0.5) is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    def handled(self) -> int:
        count = self._asker.ask()
        assert count is not None, f"{self.name} does not answer"
        return count

    def done(self, messages: int) -> bool:
        return self.handled() >= messages

    def verify(self, messages: int) -> str:
        assert self.handled() == messages
        return f"{messages:,} messages handled, nothing stored"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._asker.close()
        self._log.close()
