"""What breaks a PostgreSQL, and mends it: context managers over a running server and one of its databases."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from support.deadline import block_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import Postgres

#: Of the disk that fills up: a database without rows takes some 9 MiB of it.
DISK_MEGABYTES = 48
_WAITING = (
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE NOT l.granted AND d.datname = '{}'"
)

_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = '{}'"


class Victim(NamedTuple):
    """A server and the database on it that the agent uses; `disk` is where its tables lie, where that is small."""

    server: Postgres
    dsn: str
    disk: Path | None = None

    @property
    def name(self) -> str:
        return str(psycopg.conninfo.conninfo_to_dict(self.dsn)["dbname"])

    @property
    def waits(self) -> bool:
        """Whether anybody waits for a lock in the database."""
        return bool(self.server.execute(_WAITING.format(self.name))[0][0])


@contextmanager
def killed(victim: Victim) -> Iterator[None]:
    """Away, as after a power cut."""
    victim.server.kill()
    try:
        yield
    finally:
        victim.server.start()


@contextmanager
def frozen(victim: Victim) -> Iterator[None]:
    """Connections stay and can be made, nothing answers."""
    victim.server.suspend()
    try:
        yield
    finally:
        victim.server.resume()


@contextmanager
def read_only(victim: Victim) -> Iterator[None]:
    """Every write is refused, on existing connections too, as after a failover to a standby."""
    victim.server.read_only()
    try:
        yield
    finally:
        victim.server.read_only(on=False)


def fill(disk: Path) -> Path:
    """Leave no block free on a disk; gives the file that takes them."""
    filler = disk / "others"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


@contextmanager
def disk_full(victim: Victim) -> Iterator[None]:
    """The disk under the tables has no block left."""
    assert victim.disk is not None
    filler = fill(victim.disk)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def locked(victim: Victim) -> Iterator[None]:
    """Another client holds the tables that are written, and does not let go."""
    with psycopg.connect(victim.dsn) as rival:
        rival.execute("LOCK TABLE edge_agent.readings, edge_agent.commands IN ACCESS EXCLUSIVE MODE")
        yield
        rival.rollback()


@contextmanager
def deadlocked(victim: Victim) -> Iterator[None]:
    """Another client takes the same tables in another order; the server must end one of the two, and ends ours."""
    with psycopg.connect(victim.dsn) as rival:
        rival.execute("SET deadlock_timeout = '60s'")  # so that it is not the rival that finds it
        rival.execute("LOCK TABLE edge_agent.commands IN ACCESS EXCLUSIVE MODE")
        block_until(lambda: victim.waits)
        rival.execute("LOCK TABLE edge_agent.readings IN ACCESS EXCLUSIVE MODE")  # comes when ours is ended
        yield
        rival.rollback()


def deadlocks(victim: Victim) -> int:
    """How many the server has resolved in the database."""
    found = victim.server.execute(_DEADLOCKS.format(victim.name))
    return int(found[0][0])


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """Mount a small disk at a new folder; None where only root may."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", os.fspath(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", os.fspath(place)], check=True)
