"""Real Redis servers for tests, each in a temporary folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from support.deadline import block_until

from edge_agent.mqtt.broker import LOOPBACK, free_port

if TYPE_CHECKING:
    from typing import Any


class RedisServer:
    """One server on one port over all its restarts; it keeps nothing on disk."""

    host = LOOPBACK

    def __init__(self, *arguments: str, secret: str = "") -> None:
        program = shutil.which("redis-server")
        assert program is not None, "these tests need Redis: apt-get install redis-server"
        self.port = free_port()
        self.password = secret
        self.folder = Path(tempfile.mkdtemp(prefix="edge-agent-redis-"))
        self._command = [program, "--port", str(self.port), "--bind", self.host, "--dir", os.fspath(self.folder)]
        self._command += ["--save", "", "--appendonly", "no", *arguments]
        if secret:
            self._command += ["--requirepass", secret]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}{self.host}:{self.port}/0"

    @property
    def log(self) -> str:
        return (self.folder / "redis.log").read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        block_until(lambda: not self.running or self._answers())
        assert self.running, self.log

    def kill(self) -> None:
        """End it as a power cut would; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def suspend(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        self.execute("FLUSHALL")

    def execute(self, *command: object) -> Any:
        """Run one command as any other client would."""
        with redis.Redis(host=self.host, port=self.port, password=self.password or None, socket_timeout=5) as client:
            return client.execute_command(*command)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return bool(self.execute("PING"))
        except redis.ConnectionError:
            return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
