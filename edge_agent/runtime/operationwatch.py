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

#: So often it is looked whether anything was asked.
LOOK_SECONDS = 1.0


class OperationWatch:
    """Looks for operations once a second."""

    def __init__(self, source: OperationSource, report: Callable[[Operation], None]) -> None:
        self._source, self._report = source, report

    async def run(self) -> None:
        """Look, until cancelled."""
        while True:
            try:
                for operation in await self._source.operations():
                    logger.bind(**operation._asdict()).info("A person asks the agent for something")
                    self._report(operation)
            except StoreError as error:
                logger.bind(error=str(error)).debug("It cannot be seen now what people ask for")
            await asyncio.sleep(LOOK_SECONDS)
