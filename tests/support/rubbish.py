"""Rubbish at a rate: what no sensor says, in a process of its own.

`python tests/support/rubbish.py PORT RATE SECONDS` publishes it at QoS 0 to a sensor and prints how much it was.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from support.flood import connect, publish

TOPIC = "water/riverside/load/telemetry/s0"
_BATCH = 200


class Rubbish:
    """So many messages a second for so long, from entering on; leaving waits for the end. `sent` tells how many."""

    def __init__(self, port: int, rate: int, seconds: float) -> None:
        self._command = [sys.executable, __file__, str(port), str(rate), str(seconds)]
        self.sent = 0

    def __enter__(self) -> Self:
        tests = str(Path(__file__).parents[1])
        paths = [tests, str(Path(tests).parent), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, env=environment)
        return self

    @property
    def flows(self) -> bool:
        """Whether there is more to come."""
        return self._process.poll() is None

    def __exit__(self, *_: object) -> None:
        told, _nothing = self._process.communicate(timeout=600)
        self.sent = int(told)


def main(port: int, rate: int, seconds: float) -> int:
    """Publish; return how many messages were handed over."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(connect("rubbish"))
        connection.recv(4)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            if sent > rate * passed:
                time.sleep(0.002)
                continue
            batch = [
                publish(TOPIC, b'{"value": "%d of nothing", "unit": "bar"}' % (sent + n), 0, 0) for n in range(_BATCH)
            ]
            connection.sendall(b"".join(batch))
            sent += _BATCH
        connection.sendall(b"\xe0\x00")
    return sent


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
