"""Receives with the agent's session, acknowledges and counts: python receive_session.py PORT SITE."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from loguru import logger

from edge_agent.mqtt.connection import ConnectionSettings, Will
from edge_agent.mqtt.session import Session
from edge_agent.mqtt.topics import Topics

if TYPE_CHECKING:
    from edge_agent.model.inbox import Message, Receipt


class Receiver:
    """Counts messages, and acknowledges what came in one pass of the event loop together."""

    def __init__(self, port: int, site: str) -> None:
        topics = Topics("water", site, "gateway-1")
        self.count = 0
        self._receipts: list[Receipt] = []
        self.session = Session(
            ConnectionSettings("127.0.0.1", port, f"receive-{site}"),
            subscriptions=topics.subscriptions(),
            will=lambda: Will(topics.agent_status(), b"offline"),
            on_messages=self._take,
            parse=topics.parse,
            on_connected=self._announce,
        )

    async def _announce(self, _session_present: bool) -> None:
        print("ready", flush=True)

    def _take(self, messages: list[Message]) -> None:
        self.count += len(messages)
        if not self._receipts:
            asyncio.get_running_loop().call_soon(self._acknowledge)
        self._receipts += [message.receipt for message in messages if message.receipt is not None]

    def _acknowledge(self) -> None:
        receipts, self._receipts = self._receipts, []
        self.session.acknowledge(receipts)


async def main() -> None:
    logger.disable("edge_agent")
    receiver = Receiver(int(sys.argv[1]), sys.argv[2])
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print(receiver.count, flush=True))
    await receiver.session.run()


if __name__ == "__main__":
    asyncio.run(main())
