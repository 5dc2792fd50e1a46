"""Brokers for tests, started with the project's own settings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

from support.deadline import block_until

from edge_agent.mqtt.broker import LOOPBACK, find_local_settings, find_mosquitto, free_port, write_settings

if TYPE_CHECKING:
    from pathlib import Path


class Mosquitto:
    """A real Mosquitto with `mosquitto/local.conf`, on one port and one data folder over all its restarts."""

    host = LOOPBACK

    def __init__(self, folder: Path, extra_settings: str = "") -> None:
        program, settings = find_mosquitto(), find_local_settings()
        assert program is not None, "these tests need Mosquitto: apt-get install mosquitto"
        assert settings is not None
        self.port = free_port()
        written = write_settings(settings, folder, self.port)
        with written.open("a", encoding="utf-8") as more:
            more.write(extra_settings)
        self._command = [os.fspath(program), "-c", os.fspath(written)]
        self.data = folder / "data"
        self._log_path = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has logged so far, over all its restarts."""
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        block_until(lambda: not self.running or self._listens())
        assert self.running, self.log

    def stop(self) -> None:
        """End it in order: it writes its data and says goodbye."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGHUP for new access rules."""
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
        self._process.wait(timeout=10)
        self._process = None
