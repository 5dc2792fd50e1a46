"""A process that has imported everything and forks one child per life of the agent: a start costs 10 ms, not a second.

As a program it reads orders and writes reports, a JSON line each; `Hatchery` is the other end. A child is a process of
its own in every respect: session, folder, environment, log; it runs what `support.crashpoints` runs.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any


class HatchedLife:
    """One life of the agent; `rss_mb` is known once it is over."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.rss_mb = 0.0
        self._code: int | None = None
        self._over = threading.Event()

    def end(self, code: int, rss_mb: float) -> None:
        self._code, self.rss_mb = code, rss_mb
        self._over.set()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if not self._over.wait(timeout):
            raise subprocess.TimeoutExpired("the agent", timeout or 0.0)
        assert self._code is not None
        return self._code

    def send_signal(self, sig: int) -> None:
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Hatchery:
    """The parent of all lives; `spawn` is for `AgentProcess`."""

    def __init__(self) -> None:
        tests = Path(__file__).parents[1]
        environ = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tests), *sys.path]))
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._born: SimpleQueue[HatchedLife] = SimpleQueue()
        self._lives: dict[int, HatchedLife] = {}
        self._thread = threading.Thread(target=self._listen, name="hatchery", daemon=True)
        self._thread.start()

    def spawn(self, arguments: list[str], cwd: Path, env: dict[str, str], log: Path) -> HatchedLife:
        """Bring a life into being."""
        assert self._process.stdin is not None
        order = {"arguments": arguments, "cwd": os.fspath(cwd), "env": env, "log": os.fspath(log)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._born.get(timeout=20)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._thread.join(timeout=10)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            report = json.loads(line)
            if "born" in report:
                life = self._lives[report["born"]] = HatchedLife(report["born"])
                self._born.put(life)
            else:
                self._lives.pop(report["died"]).end(report["code"], report["rss_mb"])


def _serve() -> None:
    """Fork and reap until the orders end; then whoever lives still is killed."""
    heard, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    living: set[int] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(heard, selectors.EVENT_READ)
        orders = b""
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if heard in ready:
                os.read(heard, 4096)
                _reap(living)
            if 0 in ready:
                data = os.read(0, 65536)
                if not data:
                    break
                *whole, orders = (orders + data).split(b"\n")
                for line in whole:
                    living.add(_hatch(json.loads(line)))
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _reap(living: set[int]) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                return
            living.discard(pid)
            _report(died=pid, code=os.waitstatus_to_exitcode(status), rss_mb=usage.ru_maxrss * 1024 / 1e6)


def _report(**members: Any) -> None:
    os.write(1, json.dumps(members).encode() + b"\n")


def _hatch(order: dict[str, Any]) -> int:
    """Fork; the parent reports the birth before it can learn of the death."""
    pid = os.fork()
    if pid:
        _report(born=pid)
        return pid
    try:
        code = _live(order)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _live(order: dict[str, Any]) -> int:
    from support.crashpoints import main  # noqa: PLC0415 - imported by the parent already

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 256)
    return main(order["arguments"])


if __name__ == "__main__":
    # So that no child has to import them.
    import psycopg_pool  # noqa: F401
    import support.crashpoints  # noqa: F401

    import edge_agent.knowledge.utility.postgres  # noqa: F401

    gc.freeze()
    _serve()
