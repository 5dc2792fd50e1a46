"""Takes what people ask of the running agent at the command line, and puts it into the inbox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Operation
    from edge_agent.ports.stores import OperationSource


class OperationWatch:
    """Looks for operations at first, and with each beat where the store may have changed or could not be read."""

    def __init__(self, source: OperationSource, report: Callable[[Operation], None]) -> None:
        self._source, self._report = source, report
        self._due = asyncio.Event()
        self._failing = False

    def __repr__(self) -> str:
        return f"OperationWatch({self._source!r}{', failing' if self._failing else ''})"

    def beat(self, *, changed: bool) -> None:
        """Look soon, where that may show something."""
        if changed or self._failing:
            self._due.set()

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            self._due.clear()
            await self.look()
            await self._due.wait()

    async def look(self) -> None:
        """Look once, and hand on what was asked."""
        try:
            for operation in await self._source.operations():
                logger.bind(**operation._asdict()).info("A person asks the agent for something")
                self._report(operation)
        except StoreError as error:
            self._failing = True
            logger.bind(error=str(error)).debug("It cannot be seen now what people ask for")
        else:
            self._failing = False
