"""The embedded store: where the loop writes and what it is governed by, in one SQLite file. Reading is in archive."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.errors import StoreError
from edge_agent.knowledge import rows
from edge_agent.knowledge.connection import Connection, connect_writer, transaction
from edge_agent.knowledge.differences import catalogue, differences
from edge_agent.knowledge.digest import digest
from edge_agent.knowledge.migrate import migrate
from edge_agent.knowledge.plant_rows import PLURALS, edits, policy_noun, stored_catalogue
from edge_agent.knowledge.ports import KEPT_DELIVERIES, Change, Written
from edge_agent.knowledge.statements import statements
from edge_agent.model.readings import Delivery
from edge_agent.model.remembered import Remembered, StoredReading

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Any, Self

    from edge_agent.model.plant import Plant, Policy
    from edge_agent.turn import Turn

_SQL = {**statements("sqlite", "journal"), **statements("sqlite", "policy")}


#: How many of the latest readings a start looks through for the last ones of each sensor: about a second's work.
LOOK_BACK = 1_000_000
_LAST = 3


class SqliteStore:
    """Journal and policy of one site in one file; `async with` opens it, makes it where it is missing, migrates it.

    WAL with a sync at each commit. The one connection that writes, and checkpoints, lives in a thread of its own.
    """

    def __init__(self, path: Path | str) -> None:
        self._connection = Connection(Path(path), _connect)
        self._ids = rows.SeriesIds(())

    async def __aenter__(self) -> Self:
        await self._connection.__aenter__()
        try:
            self._ids = await self._connection.run(_series)
        except BaseException:
            await self._connection.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, traceback)

    async def begin(self, agent: str) -> Remembered:
        """See Journal."""
        return await self._connection.run(_begin, agent)

    async def write(self, turns: Sequence[Turn]) -> Written:
        """See Journal. What is written is copied from the turns before the first suspension."""
        batch = rows.batch(turns, self._ids)
        written = await self._connection.run(_write, batch)
        self._ids.saved(batch.series)
        return written

    async def policy(self) -> Policy:
        """See PolicyRepository."""
        return await self._connection.run(_policy)

    async def version(self) -> object:
        """See PolicyRepository. Triggers count every change of thresholds and plans, whoever makes it."""
        return await self._connection.run(_version)

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """See PolicyRepository."""
        return await self._connection.run(_apply, plant, dry_run=dry_run)

    async def applied(self) -> str | None:
        """See PolicyRepository."""
        return await self._connection.run(_meta, "applied")


def _connect(path: Path) -> sqlite3.Connection:
    db = connect_writer(path)
    try:
        migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _series(db: sqlite3.Connection) -> rows.SeriesIds:
    return rows.SeriesIds(db.execute(_SQL["all_series"]).fetchall())


def _meta(db: sqlite3.Connection, key: str) -> Any:  # noqa: ANN401 - a column of any type
    row = db.execute(_SQL["get_meta"], (key,)).fetchone()
    return row[0] if row else None


def _begin(db: sqlite3.Connection, agent: str) -> Remembered:
    with transaction(db):
        epoch = db.execute(_SQL["raise_epoch"]).fetchall()[0][0]
        db.execute(_SQL["set_meta"], ("agent", agent))
    return Remembered(
        epoch=epoch,
        commands=[rows.command_noun(row) for row in db.execute(_SQL["open_commands"])],
        alarms=[rows.alarm_noun(row) for row in db.execute(_SQL["remembered_alarms"])],
        actuators=[rows.actuator_noun(body) for (body,) in db.execute(_SQL["remembered_memories"], ("actuator",))],
        plans=[rows.plan_noun(body) for (body,) in db.execute(_SQL["remembered_memories"], ("plan",))],
        readings=list(_last_readings(db)),
        deliveries=[Delivery(*row) for row in db.execute(_SQL["remembered_deliveries"])],
    )


def _last_readings(db: sqlite3.Connection) -> Iterator[StoredReading]:
    """Give the last three of each sensor, oldest first, as far as they are among the last LOOK_BACK of all."""
    series = {number: name for number, *name in db.execute(_SQL["remembered_series"])}
    held: dict[int, list[StoredReading]] = {number: [] for number in series}
    missing = _LAST * len(held)
    # Closed at once: a statement left open would keep the log from being checkpointed.
    with closing(db.execute(_SQL["latest_readings"], (LOOK_BACK,))) as latest:
        while missing and (row := latest.fetchone()):
            found = held.get(row[0])
            if found is not None and len(found) < _LAST:
                found.append(StoredReading(*series[row[0]], *row[1:]))
                missing -= 1
    for found in held.values():
        yield from reversed(found)


def _write(db: sqlite3.Connection, batch: rows.Batch) -> Written:
    with transaction(db):
        _write_series(db, batch.series)
        duplicates = _write_readings(db, batch)
        for name, found in batch.others:
            db.executemany(_SQL[name], found)
        if any(name == "insert_delivery" for name, _ in batch.others):
            db.execute(_SQL["forget_deliveries"], (KEPT_DELIVERIES,))
        if batch.command_events:
            db.executemany(_SQL["insert_command_event"], map(rows.event_row, batch.command_events))
            db.executemany(_SQL["advance_command"], map(rows.advance_row, batch.command_events))
    return Written(duplicates)


def _write_series(db: sqlite3.Connection, series: list[rows.Row]) -> None:
    for number, *key in series:
        db.execute(_SQL["insert_series"], (number, *key))
        if db.execute(_SQL["series_id"], key).fetchone() != (number,):
            raise StoreError("Two agents write to the same store: each needs a file of its own.")


def _write_readings(db: sqlite3.Connection, batch: rows.Batch) -> int:
    if not batch.readings and not batch.settled:
        return 0
    written = db.executemany(_SQL["insert_reading"], batch.readings).rowcount if batch.readings else 0
    duplicates = len(batch.readings) - written
    if duplicates:
        db.executemany(_SQL["settle_unjudged_reading"], rows.judgements(batch.readings))
    db.executemany(_SQL["settle_reading"], batch.settled)
    return duplicates


def _policy(db: sqlite3.Connection) -> Policy:
    site = (_meta(db, "site"),)
    return policy_noun(db.execute(_SQL["thresholds"], site), db.execute(_SQL["plans"], site))


def _version(db: sqlite3.Connection) -> object:
    return db.execute(_SQL["policy_version"]).fetchone()[0]


def _apply(db: sqlite3.Connection, plant: Plant, *, dry_run: bool) -> list[Change]:
    wanted = catalogue(plant)
    with transaction(db):
        site = _meta(db, "site")
        stored = {plural: db.execute(_SQL[plural], (plant.site,)) for plural in PLURALS}
        changes = differences(stored_catalogue(stored), wanted)
        if not dry_run:
            for name, row in edits(changes, wanted):
                db.execute(_SQL[name], (plant.site, *row))
            db.execute(_SQL["set_meta"], ("site", plant.site))
            db.execute(_SQL["set_meta"], ("applied", digest(plant)))
    if site not in {None, plant.site}:
        changes.insert(0, Change("change", "site", plant.site, f"{site} -> {plant.site}"))
    return changes
