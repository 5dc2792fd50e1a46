"""Receives at QoS 1 with aiomqtt as it ships and counts: python receive_aiomqtt.py PORT SITE."""

from __future__ import annotations

import asyncio
import signal
import sys

import aiomqtt


async def main() -> None:
    port, site = int(sys.argv[1]), sys.argv[2]
    count = 0
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: print(count, flush=True))
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"water/{site}/#", qos=1)
        print("ready", flush=True)
        async for _ in client.messages:
            count += 1


if __name__ == "__main__":
    asyncio.run(main())
