"""The demo logs off its loop, as the agent does: who does not read its log does not hold it up."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import pytest

_LOGGED = """
from loguru import logger
from edge_agent.demo.show import logs_of_the_demo
from edge_agent.settings.agent import Settings

with logs_of_the_demo(Settings(), live={live}):
    for number in range(3):
        logger.warning("Something is wrong {{}}", number)
print("done")
"""


@pytest.mark.parametrize("live", [False, True])
def test_a_log_that_nobody_reads_holds_nothing_up(live):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"\n" * 4096)
    os.set_blocking(writing, True)
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LOGGED.format(live=live)],
            stdout=subprocess.PIPE, stderr=writing, timeout=30, check=False,
        )  # fmt: skip
    finally:
        os.close(reading), os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"done\n")


@pytest.mark.parametrize("live", [False, True])
def test_what_is_logged_is_read_in_the_end(live):
    done = subprocess.run(
        [sys.executable, "-c", _LOGGED.format(live=live)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0
    assert [f"Something is wrong {number}" in done.stderr for number in range(3)] == [True] * 3
