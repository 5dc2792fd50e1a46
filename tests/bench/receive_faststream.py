"""Receives and validates readings with FastStream, in its own venv, and counts: receive_faststream.py PORT SITE."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import datetime

from faststream import FastStream
from faststream.mqtt import MQTTBroker, QoS
from pydantic import BaseModel


class Reading(BaseModel):
    """One reading as it is published."""

    value: float
    unit: str
    ts: datetime
    seq: int


async def main() -> None:
    port, site = int(sys.argv[1]), sys.argv[2]
    broker = MQTTBroker(f"mqtt://127.0.0.1:{port}", logger=None)
    count = 0

    @broker.subscriber(f"water/{site}/#", qos=QoS.AT_LEAST_ONCE)
    async def take(reading: Reading) -> None:
        nonlocal count
        count += 1

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print(count, flush=True))
    app = FastStream(broker, logger=None)

    @app.after_startup
    async def started() -> None:
        print("ready", flush=True)

    await app.run()


if __name__ == "__main__":
    asyncio.run(main())
