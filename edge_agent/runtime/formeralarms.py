"""Alarms that stand at the broker and that the agent does not know: of a former life, or of things that are gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import BrokerUnavailableError
from edge_agent.model.alarms import forgotten
from edge_agent.runtime.resilience import LOOK_AROUND_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from edge_agent.analyze.register import AlarmRegister
    from edge_agent.model.alarms import AlarmKey
    from edge_agent.runtime.announcer import Announcer


class FormerAlarms:
    """Looks after each connect at what stands at the broker, and empties the topics of what the register does not know.

    A new store knows nothing of what the one before it has raised; a broker that fell over may have forgotten what it
    was told last. It looks again after a look that failed, or that found what the one before had not: a broker may not
    show all at once. Two looks are `pause_seconds` apart at the least.
    """

    def __init__(
        self, register: AlarmRegister, announcer: Announcer, *, pause_seconds: float = LOOK_AROUND_SECONDS
    ) -> None:
        self._register, self._announcer, self._pause_seconds = register, announcer, pause_seconds
        self._unknown: frozenset[AlarmKey] = frozenset()  # at the last look
        self._due = asyncio.Event()

    def __repr__(self) -> str:
        return f"FormerAlarms({len(self._unknown)} unknown{', a look is due' if self._due.is_set() else ''})"

    def connected(self) -> None:
        """Note a new connection."""
        self._due.set()

    async def run(self, look: Callable[[], Awaitable[Iterable[AlarmKey]]]) -> None:
        """Look and empty until cancelled. `look` returns the alarms at the broker or raises BrokerUnavailableError."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                standing = await look()
            except BrokerUnavailableError as error:
                logger.bind(error=str(error)).debug("Alarms of a former life cannot be looked for")
                self._due.set()
            else:
                self._empty(standing)
            await asyncio.sleep(self._pause_seconds)

    def _empty(self, standing: Iterable[AlarmKey]) -> None:
        """Empty what is unknown now: what was raised during the look is known, what is raised later comes after."""
        unknown = [key for key in standing if not self._register.knows(key)]
        before, self._unknown = self._unknown, frozenset(unknown)
        self._announcer.alarms(map(forgotten, unknown))
        if not self._unknown <= before:
            self._due.set()
            logger.bind(alarms=len(unknown)).info("Alarms of a former life are cleared at the broker")
