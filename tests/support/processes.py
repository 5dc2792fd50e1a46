"""The agent as its users run it: a process, its files, its command line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from support.deadline import block_until
from support.tankplant import tank_plant

from edge_agent.mqtt.broker import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

PLANT = tank_plant(
    low="on_delay_seconds = 1",
    quality="gross_range = { fail = [0.0, 6.0], suspect = [0.2, 5.8] }",
    ack_timeout_seconds=0.6,
    command_ttl_seconds=10,
)


class Life(Protocol):
    """One process of the agent, as `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...

    def send_signal(self, sig: int) -> None: ...


def spawn_interpreter(arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> Life:
    """Start the agent as its users do, in a Python of its own."""
    with log.open("ab") as file:
        command = [sys.executable, "-m", "edge_agent", *arguments]
        return subprocess.Popen(command, cwd=cwd, env=env, stdout=file, stderr=file)


def spawn_with(**environ: str) -> Callable[..., Life]:
    """Start it so with settings by environment, such as `EDGE_AGENT_MQTT__HOST`."""
    return lambda arguments, cwd, env, log: spawn_interpreter(arguments, cwd, env | environ, log)


def highest_rss_mb(process: Life) -> float:
    """Tell the high water of a process' memory: of a living one, or of one that is known afterwards; else 0."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return float(getattr(process, "rss_mb", 0.0))


class AgentProcess:
    """One installation: a folder with settings, plant file and store; the agent runs in it, or not."""

    def __init__(
        self,
        folder: Path,
        broker_port: int,
        plant: str = PLANT,
        settings: str = "",
        *,
        mqtt: str = "",
        commit_seconds: float | None = 1.0,
        event_loop: str | None = None,
        spawn: Callable[..., Life] | None = None,
    ) -> None:
        """Make the folder. `spawn(arguments, cwd, env, log)` brings a process to life that runs `edge-agent`.

        `commit_seconds` is the interval of its commits, shorter than by default so that tests are; None: the default.
        It runs in the event loop of a gateway, whatever is installed here, unless told otherwise: by `event_loop`, or
        for a whole run of tests by the agent's own variable EDGE_AGENT_AGENT__EVENT_LOOP.
        """
        self.folder = folder
        self._spawn = spawn or spawn_interpreter
        self._highest_rss_mb = 0.0
        self.http = free_port()
        (folder / "config").mkdir(parents=True)
        (folder / "config" / "plant.toml").write_text(plant, encoding="utf-8")
        (folder / "config" / "agent.toml").write_text(
            f"[mqtt]\nport = {broker_port}\n{mqtt}[http]\nport = {self.http}\n{settings}", encoding="utf-8"
        )
        self._process: Life | None = None
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_AGENT_")}
        loop = event_loop or os.environ.get("EDGE_AGENT_AGENT__EVENT_LOOP", "asyncio")
        self._environ["EDGE_AGENT_AGENT__EVENT_LOOP"] = loop
        if commit_seconds is not None:
            self._environ["EDGE_AGENT_STORE__COMMIT_INTERVAL_SECONDS"] = str(commit_seconds)

    @property
    def log(self) -> str:
        return (self.folder / "agent.log").read_text(encoding="utf-8", errors="replace")

    def start(self, *arguments: str, connected: bool = True) -> None:
        """Start it and wait until it is connected to the broker."""
        self._highest_rss_mb = self.highest_rss_mb
        self._process = self._spawn(["run", *arguments], self.folder, self._environ, self.folder / "agent.log")
        if connected:
            block_until(lambda: self.exited or self.ready, timeout=20)
            assert not self.exited, self.log

    @property
    def process(self) -> Life:
        assert self._process is not None
        return self._process

    @property
    def exited(self) -> bool:
        return self.process.poll() is not None

    @property
    def ready(self) -> bool:
        try:
            self.get("/health/ready")
        except (OSError, urllib.error.URLError):
            return False
        return True

    @property
    def answers(self) -> bool:
        """Whether its health server is there, whatever it says."""
        try:
            return bool(self.health)
        except (OSError, urllib.error.URLError):
            return False

    @property
    def health(self) -> dict[str, Any]:
        """What `/health/ready` tells, ready or not."""
        try:
            told = self.get("/health/ready")
        except urllib.error.HTTPError as error:
            told = error.read().decode()
        return dict(json.loads(told))

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """Read one sample by its full name with labels, as the exposition writes it. 0 where it is absent."""
        for line in self.get("/metrics").splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return 0.0

    @property
    def highest_rss_mb(self) -> float:
        """The most memory that any life of it has held, as far as it was looked at: before each end, and here."""
        if self._process is not None:
            self._highest_rss_mb = max(self._highest_rss_mb, highest_rss_mb(self._process))
        return self._highest_rss_mb

    def kill(self) -> None:
        self._highest_rss_mb = self.highest_rss_mb
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """Ask it to end, and tell its exit code."""
        self._highest_rss_mb = self.highest_rss_mb
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)

    def close(self) -> None:
        if self._process is not None and not self.exited:
            self.kill()

    def command_line(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edge_agent", *arguments],
            cwd=self.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def export(self, what: str, *arguments: str) -> list[dict[str, Any]]:
        done = self.command_line("export", what, *arguments)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
