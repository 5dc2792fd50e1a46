"""Pruning a store in steps, each behind the writes that wait, so that no write waits for more than one of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from edge_agent.knowledge.store.care import Care
    from edge_agent.knowledge.store.connection import Connection


class TidyState(StrEnum):
    """Whether a step is under way, or another one is to follow it."""

    AT_REST = "at rest"
    STEPPING = "stepping"


class Tidying:
    """Runs the steps of one store's care; begun from the event loop, done in the store's thread."""

    def __init__(self, connection: Connection, care: Care) -> None:
        self._connection, self._care = connection, care
        self._state = TidyState.AT_REST

    def __repr__(self) -> str:
        return f"Tidying({self._state})"

    @property
    def is_under_way(self) -> bool:
        """Whether a step is, or is to follow."""
        return self._state is TidyState.STEPPING

    def after(self, written: int) -> None:
        """Look whether there is need after so many written rows, unless steps are under way."""
        if not self.is_under_way:
            self._step(written)

    def _step(self, written: int) -> None:
        loop = asyncio.get_running_loop()
        self._state = TidyState.STEPPING

        def step(db: sqlite3.Connection) -> None:
            more = False
            try:
                more = self._care.tidy(db, written)
            finally:
                self._state = TidyState.STEPPING if more else TidyState.AT_REST
            if more:
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._step, 0)

        self._connection.later(step)
