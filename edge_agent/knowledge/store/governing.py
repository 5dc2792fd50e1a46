"""What governs the site, as the embedded store holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from edge_agent.errors import StoreError
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.plant_rows import (
    PLURALS,
    POLICY_PLURALS,
    edits,
    plant_noun,
    policy_noun,
    stored_catalogue,
)
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import transaction
from edge_agent.knowledge.store.meta import note, read_meta, write_meta
from edge_agent.model.inbox import Operation
from edge_agent.ports.policy import Change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from edge_agent.knowledge.store.connection import Connection
    from edge_agent.model.plant import Plant, Policy

_T = TypeVar("_T")
_SQL = statements("store", "policy")


class StoredPolicy:
    """Thresholds, plans and notes in the embedded store, and what a fresh file is told if this one has to go."""

    def __init__(self, connection: Connection, plant: Plant | None) -> None:
        self._connection = connection
        self._plant = plant
        self._policy: Policy | None = None
        self._mark: str | None = None
        self._notes: dict[str, str] = {}
        self._unsound = False  # the file is about to be replaced

    async def policy(self) -> Policy:
        """Read the thresholds and plans in force, each sorted by name. Raises StoreError."""
        before = self._policy
        self._policy = await self._soundly(lambda db: _policy(db, before))
        return self._policy

    async def plant(self) -> Plant:
        """Read the plant that was applied last, with the policy in force. Raises StoreError where there is none."""
        return await self._soundly(_plant)

    async def version(self) -> object:
        """Read a count of all changes of thresholds and plans: triggers keep it, whoever makes them."""
        return await self._soundly(_version)

    async def apply(self, plant: Plant, *, dry_run: bool = False) -> list[Change]:
        """Make the store say what the plant file says, in one transaction; return what changed, or would."""
        changes = await self._connection.run(_apply, plant, dry_run=dry_run)
        if not dry_run:
            self._mark = None
        return changes

    async def applied(self) -> str | None:
        """Read the digest of the plant file that was applied last; None where none was."""
        return await self._connection.run(read_meta, "applied")

    async def keep(self, plant: Plant, mark: str | None) -> None:
        """Apply a plant whose policy comes from elsewhere, with a mark of where; any other `apply` forgets the mark."""
        await self._connection.run(_apply, plant, mark=mark)
        self._plant, self._policy, self._mark = plant, plant.policy, mark

    def govern(self, plant: Plant) -> None:
        """Note what is in force, for a fresh file if this one has to be begun anew."""
        self._plant, self._policy = plant, plant.policy

    async def has_governed(self) -> bool:
        """Return whether an agent has ever taken control with this store."""
        return await self._connection.run(lambda db: read_meta(db, "epoch") > 0)

    async def note(self, key: str, value: str) -> None:
        """Keep a text under a name, in a fresh file too if this one has to be begun anew."""
        await self._connection.run(note, {key: value})
        self._notes[key] = value

    async def noted(self, key: str) -> str | None:
        """Read a text that was kept; None where there is none."""
        found: str | None = await self._connection.run(read_meta, key)
        if found is not None:
            self._notes[key] = found
        return found

    async def mark(self) -> str | None:
        """Read the mark kept with the policy; None where there is none."""
        self._mark = await self._soundly(lambda db: read_meta(db, "policy_mark"))
        return self._mark

    async def ask(self, operation: Operation) -> None:
        """Leave an operation for the agent that runs on this file. Raises StoreError for an unknown target."""
        await self._connection.run(_ask, operation)

    async def operations(self) -> list[Operation]:
        """Remove and return what people have asked for. Raises StoreError."""
        return await self._soundly(_take_operations)

    async def _soundly(self, look: Callable[[sqlite3.Connection], _T]) -> _T:
        """Look at a file that is not about to be replaced: a bare one would say that nothing is in force."""
        if self._unsound:
            raise StoreError("The store is damaged or moved, and not yet opened again.")
        return await self._connection.run(look)

    def _tell(self, db: sqlite3.Connection) -> None:
        """Write what is in force into a fresh file. In the store's thread."""
        if self._plant is not None:
            plant = self._plant if self._policy is None else replace(self._plant, policy=self._policy)
            _apply(db, plant, mark=self._mark)
        write_meta(db, self._notes)


def _policy(db: sqlite3.Connection, before: Policy | None) -> Policy:
    """Read the policy of the site. Raises StoreError where a row makes no sense."""
    site = (read_meta(db, "site"),)
    return policy_noun({plural: db.execute(_SQL[plural], site) for plural in POLICY_PLURALS}, before)


def _plant(db: sqlite3.Connection) -> Plant:
    """Read the whole plant of the site. Raises StoreError where there is none, or a row makes no sense."""
    site = read_meta(db, "site")
    if site is None:
        raise StoreError("No plant was applied to the store.")
    return plant_noun(site, {plural: db.execute(_SQL[plural], (site,)) for plural in PLURALS})


def _version(db: sqlite3.Connection) -> object:
    """Read what changes with every change of thresholds and plans."""
    return db.execute(_SQL["policy_version"]).fetchone()[0]


def _apply(db: sqlite3.Connection, plant: Plant, *, dry_run: bool = False, mark: str | None = None) -> list[Change]:
    """Make the tables those of the plant, in one transaction, and list what that changes; `mark` is kept with it."""
    wanted = catalogue(plant)
    with transaction(db):
        site = read_meta(db, "site")
        stored = {plural: db.execute(_SQL[plural], (plant.site,)) for plural in PLURALS}
        changes = differences(stored_catalogue(stored), wanted)
        if not dry_run:
            for name, found in edits(changes, wanted):
                db.executemany(_SQL[name], [(plant.site, *row) for row in found])
            write_meta(db, {"site": plant.site, "applied": digest(plant), "policy_mark": mark})
    if site not in {None, plant.site}:
        changes.insert(0, Change("change", "site", plant.site, f"{site} -> {plant.site}"))
    return changes


def _ask(db: sqlite3.Connection, operation: Operation) -> None:
    """Leave an operation for the running agent. Raises StoreError where the site has no such actuator, or interlock."""
    node, slash, actuator = operation.target.partition("/")
    known, key = ("knows_actuator", (node, actuator)) if slash else ("knows_interlock", (node,))
    if not db.execute(_SQL[known], key).fetchone()[0]:
        what = "actuator" if slash else "interlock"
        raise StoreError(f"there is no {what} {operation.target} on the site that this store knows")
    with transaction(db):
        db.execute(_SQL["ask_operation"], tuple(operation))


def _take_operations(db: sqlite3.Connection) -> list[Operation]:
    """Remove and return what people have asked for, oldest first."""
    found = db.execute(_SQL["asked_operations"]).fetchall()
    if found:
        with transaction(db):
            db.execute(_SQL["forget_operations"], (found[-1][0],))
    return [Operation(*row[1:]) for row in found]
