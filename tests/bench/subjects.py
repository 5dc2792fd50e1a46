"""What is measured: the agent, and the floors under it. Each is a process and listens to a site of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.plantfile import Size, plant
from support.deadline import block_until
from support.processes import AgentProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

_TESTS = Path(__file__).resolve().parents[1]
_HANDLED = 'edge_agent_messages_total{kind="telemetry"}'


class Subject(Protocol):
    """A running process that handles the messages of `water/{site}/#`, and can tell how many it has handled."""

    name: str
    site: str

    @property
    def pid(self) -> int: ...
    def handled(self) -> int: ...
    def done(self, messages: int) -> bool:
        """Whether so many messages since its start are handled; asking costs it next to nothing."""
        ...

    def verify(self, messages: int) -> str:
        """Assert that all was done with so many messages; tell what was found."""
        ...

    def close(self) -> None: ...


class WholeAgent:
    """`edge-agent run` with the embedded store and metrics on."""

    name = "edge-agent, whole"

    def __init__(
        self,
        folder: Path,
        port: int,
        site: str = "agent",
        size: Size | None = None,
        *,
        readings_a_message: int = 1,
        more: str = "",
        mqtt: str = "",
        settings: str = "",
        commit_seconds: float | None = 1.0,
        event_loop: str | None = None,
    ) -> None:
        """Start it; `more` goes into its plant file, `mqtt` into that section of its settings, `settings` after it.

        `commit_seconds` is the interval of its commits, so short that nobody waits for the last of a flood; None: the
        default.
        """
        self.site, self.size, self._readings = site, size or Size(), readings_a_message
        self.process = AgentProcess(
            folder,
            port,
            plant(site, self.size, more),
            settings,
            mqtt=mqtt,
            commit_seconds=commit_seconds,
            event_loop=event_loop,
        )
        self.process.start()

    @property
    def pid(self) -> int:
        return self.process.process.pid

    def handled(self) -> int:
        return int(self.process.metric(_HANDLED))

    def stored(self, condition: str = "1") -> int:
        """Count readings in the store, as a reader beside the agent."""
        return int(self.look(f"SELECT count(*) FROM readings WHERE {condition}") or 0)  # noqa: S608 - our own words

    def first_received(self, since: float) -> float:
        """Tell when the first reading after a time came to its turn, both in Unix seconds."""
        first = self.look(f"SELECT min(received_at) FROM readings WHERE received_at >= {since * 1e6:.0f}")  # noqa: S608 - a number
        assert first is not None, "nothing was received since"
        return first / 1e6

    def look(self, query: str) -> float | None:
        """Ask the store for one figure, as a reader beside the agent."""
        path = self.process.folder / "var" / "edge-agent.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            figure: float | None = connection.execute(query).fetchone()[0]
        return figure

    def done(self, messages: int) -> bool:
        # A scrape of the metrics of 10,000 sensors would be measured with it; a look into the file is not.
        return self.stored() >= messages * self._readings

    def verify(self, messages: int) -> str:
        """Assert that every reading came once, was found good, and was stored."""
        assert self.handled() == messages
        stored, expected = self.stored(), messages * self._readings
        assert stored == expected, f"{stored} readings are stored instead of {expected}"
        good = int(self.process.metric('edge_agent_readings_total{flag="good"}'))
        # The first of each sensor has no neighbours, and the newest waits for the one that settles its spike test.
        assert good >= stored - 2 * self.size.all_sensors, f"only {good} of {stored} readings were good"
        return f"{stored:,} readings stored"

    def close(self) -> None:
        self.process.close()


class Script:
    """A Python process of ours that prints a line when it listens, and its count at SIGUSR1."""

    def __init__(self, name: str, site: str, command: list[str], environ: Mapping[str, str] | None = None) -> None:
        self.name, self.site = name, site
        path = os.pathsep.join([os.fspath(_TESTS.parent), os.fspath(_TESTS)])
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path, **(environ or {})}
        )
        try:
            assert self._line() == "ready"
        except AssertionError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def handled(self) -> int:
        self._process.send_signal(signal.SIGUSR1)
        return int(self._line())

    def done(self, messages: int) -> bool:
        return self.handled() >= messages

    def verify(self, messages: int) -> str:
        assert self.handled() == messages
        return f"{messages:,} messages received"

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, f"{self.name} ended early"
        return line


def aiomqtt_floor(port: int) -> Script:
    """aiomqtt as it ships, receiving and counting only."""
    command = [sys.executable, os.fspath(_TESTS / "bench" / "receive_aiomqtt.py"), str(port), "aiomqtt"]
    return Script("aiomqtt as it ships, receiving only", "aiomqtt", command)


def session_floor(port: int) -> Script:
    """Our session, receiving, acknowledging and counting only."""
    command = [sys.executable, os.fspath(_TESTS / "bench" / "receive_session.py"), str(port), "session"]
    return Script("our session, receiving only", "session", command)


class MosquittoSub:
    """The client in C that comes with the broker; it writes a dot and a newline for each message into a file."""

    def __init__(self, folder: Path, port: int) -> None:
        self.name, self.site = "mosquitto_sub (C), receiving only", "sub"
        self._written = folder / "mosquitto_sub.out"
        with self._written.open("wb") as out:
            command = ["mosquitto_sub", "-p", str(port), "-q", "1", "-t", f"water/{self.site}/#", "-F", "."]
            self._process = subprocess.Popen(command, stdout=out)
        self._until_subscribed(port)
        self._before = self._lines()

    def _until_subscribed(self, port: int) -> None:
        probe = ["mosquitto_pub", "-p", str(port), "-q", "1", "-t", f"water/{self.site}/probe", "-m", "."]
        block_until(lambda: not subprocess.run(probe, check=True).returncode and self._lines() > 0)

    def _lines(self) -> int:
        return self._written.stat().st_size // 2

    @property
    def pid(self) -> int:
        return self._process.pid

    def handled(self) -> int:
        return self._lines() - self._before

    def done(self, messages: int) -> bool:
        return self.handled() >= messages

    def verify(self, messages: int) -> str:
        assert self.handled() == messages
        return f"{messages:,} messages received"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
