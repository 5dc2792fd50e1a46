"""Takes what people ask of the running agent at the command line, and puts it into the inbox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.errors import StoreError
from edge_agent.runtime.beat import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.model.inbox import Operation
    from edge_agent.ports.stores import OperationSource


class OperationWatch:
    """Looks for operations with every beat; not where `glance` tells that nothing can have been left since."""

    def __init__(
        self,
        source: OperationSource,
        report: Callable[[Operation], None],
        glance: Callable[[], bool] | None = None,
    ) -> None:
        self._source, self._report = source, report
        self._glance = glance

    def __repr__(self) -> str:
        return f"OperationWatch({self._source!r})"

    async def run(self) -> None:
        """Look, until cancelled."""
        failing = True  # at first it is looked in any case
        while True:
            if self._glance is None or self._glance() or failing:
                failing = not await self.look()
            await asyncio.sleep(until_beat())

    async def look(self) -> bool:
        """Look once, and hand on what was asked; return whether that could be done."""
        try:
            for operation in await self._source.operations():
                logger.bind(**operation._asdict()).info("A person asks the agent for something")
                self._report(operation)
        except StoreError as error:
            logger.bind(error=str(error)).debug("It cannot be seen now what people ask for")
            return False
        return True
