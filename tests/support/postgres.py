"""Real PostgreSQL servers for tests, each in a temporary folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from support.deadline import block_until

from edge_agent.mqtt.broker import LOOPBACK, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The server refuses root: whom it runs as instead, the first there is.
_UNPRIVILEGED = ("postgres", "nobody")


class Postgres:
    """One server on one port and one data folder over all its restarts, with fsync as in life."""

    host = LOOPBACK

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="edge-agent-postgres-"))
        self._account = _account()
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._made = 0
        command = ["initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(self._as_server(command), capture_output=True, text=True, check=False, **self._identity)
        assert done.returncode == 0, done.stderr

    @property
    def log(self) -> str:
        return (self.folder / "postgres.log").read_text(encoding="utf-8", errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def dsn(self, database: str = "postgres") -> str:
        return f"host={self.host} port={self.port} user=postgres dbname={database}"

    def start(self) -> None:
        command = ["postgres", "-D", self._data, "-p", str(self.port), "-k", os.fspath(self.folder)]
        with (self.folder / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_server([*command, "-c", f"listen_addresses={self.host}"]),
                stdout=log,
                stderr=log,
                **self._identity,
            )
        block_until(lambda: not self.running or self._answers(), timeout=30)
        assert self.running, self.log

    def stop(self) -> None:
        """End it in order; whoever is connected is told."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        """End it and all its backends as a power cut would."""
        if self._process is not None:
            for pid in self._pids():
                _signal(pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process, self._frozen = None, []

    def restart(self) -> None:
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freeze it: connections stay, nothing answers."""
        self._frozen = self._pids()
        for pid in self._frozen:
            _signal(pid, signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self._frozen:
            _signal(pid, signal.SIGCONT)
        self._frozen = []

    def read_only(self, *, on: bool = True) -> None:
        """Refuse every write from now on, as a standby does; or no longer."""
        self.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        self.execute("SELECT pg_reload_conf()")
        block_until(
            lambda: (
                self.execute("SELECT current_setting('default_transaction_read_only')") != [("off" if on else "on",)]
            )
        )

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement as any other client would; gives its rows."""
        # The session's own setting, so that what `read_only` did can be undone.
        options = "" if "current_setting" in statement else "-c default_transaction_read_only=off"
        with psycopg.connect(self.dsn(database), autocommit=True, options=options, connect_timeout=5) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def database(self, template: str = "template1", tablespace: str | None = None) -> str:
        """Make a database of its own for one test; gives its dsn."""
        self._made += 1
        name = f"test_{self._made}"
        place = f" TABLESPACE {tablespace}" if tablespace else ""
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}{place}")
        return self.dsn(name)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return os.fspath(self.folder / "data")

    @property
    def _identity(self) -> dict[str, Any]:
        account = self._account
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}
        return {"cwd": self.folder, **who}

    def _as_server(self, command: list[str]) -> list[str]:
        program, *arguments = command
        return [os.fspath(find_programs() / program), *arguments]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _pids(self) -> list[int]:
        assert self._process is not None
        return [self._process.pid, *_children(self._process.pid)]


def find_programs() -> Path:
    """Find the newest server's programs: Debian keeps them off PATH, one folder a version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    assert found or on_path, "these tests need PostgreSQL: apt-get install postgresql"
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in _UNPRIVILEGED if name in known)


def _children(parent: int) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            yield int(status.parent.name)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
