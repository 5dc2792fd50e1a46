"""What governs the site, as the embedded store holds it: functions that run in the store's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.errors import StoreError
from edge_agent.knowledge.policy.differences import catalogue, differences
from edge_agent.knowledge.policy.digest import digest
from edge_agent.knowledge.policy.plant_rows import PLURALS, edits, plant_noun, policy_noun, stored_catalogue
from edge_agent.knowledge.statements import statements
from edge_agent.knowledge.store.connection import transaction
from edge_agent.model.inbox import Operation
from edge_agent.ports.policy import Change

if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from edge_agent.model.plant import Plant, Policy

_SQL = {**statements("store", "journal"), **statements("store", "policy")}


def meta(db: sqlite3.Connection, key: str) -> Any:  # noqa: ANN401 - a column of any type
    """Read one value of the table `meta`; None where there is none."""
    row = db.execute(_SQL["get_meta"], (key,)).fetchone()
    return row[0] if row else None


def policy(db: sqlite3.Connection) -> Policy:
    """Read thresholds and plans of the site. Raises StoreError where a row makes no sense."""
    site = (meta(db, "site"),)
    return policy_noun(db.execute(_SQL["thresholds"], site), db.execute(_SQL["plans"], site))


def plant(db: sqlite3.Connection) -> Plant:
    """Read the whole plant of the site. Raises StoreError where there is none, or a row makes no sense."""
    site = meta(db, "site")
    if site is None:
        raise StoreError("No plant was applied to the store.")
    return plant_noun(site, {plural: db.execute(_SQL[plural], (site,)) for plural in PLURALS})


def note(db: sqlite3.Connection, key: str, value: str) -> None:
    """Keep a text under a name."""
    with transaction(db):
        db.execute(_SQL["set_meta"], (key, value))


def version(db: sqlite3.Connection) -> object:
    """Read what changes with every change of thresholds and plans."""
    return db.execute(_SQL["policy_version"]).fetchone()[0]


def apply(db: sqlite3.Connection, plant: Plant, *, dry_run: bool = False, mark: str | None = None) -> list[Change]:
    """Make the tables those of the plant, in one transaction, and tell what that changes; `mark` is kept with it."""
    wanted = catalogue(plant)
    with transaction(db):
        site = meta(db, "site")
        stored = {plural: db.execute(_SQL[plural], (plant.site,)) for plural in PLURALS}
        changes = differences(stored_catalogue(stored), wanted)
        if not dry_run:
            for name, found in edits(changes, wanted):
                db.executemany(_SQL[name], [(plant.site, *row) for row in found])
            db.execute(_SQL["set_meta"], ("site", plant.site))
            db.execute(_SQL["set_meta"], ("applied", digest(plant)))
            db.execute(_SQL["forget_meta"], ("policy_mark",))
            if mark is not None:
                db.execute(_SQL["set_meta"], ("policy_mark", mark))
    if site not in {None, plant.site}:
        changes.insert(0, Change("change", "site", plant.site, f"{site} -> {plant.site}"))
    return changes


def ask(db: sqlite3.Connection, operation: Operation) -> None:
    """Leave an operation for the running agent. Raises StoreError where the site has no such actuator."""
    node, _, actuator = operation.target.partition("/")
    if not db.execute(_SQL["knows_actuator"], (node, actuator)).fetchone()[0]:
        raise StoreError(f"there is no actuator {operation.target} on the site that this store knows")
    with transaction(db):
        db.execute(_SQL["ask_operation"], tuple(operation))


def take_operations(db: sqlite3.Connection) -> list[Operation]:
    """Take what people have asked for, oldest first."""
    found = db.execute(_SQL["asked_operations"]).fetchall()
    if found:
        with transaction(db):
            db.execute(_SQL["forget_operations"], (found[-1][0],))
    return [Operation(*row[1:]) for row in found]
