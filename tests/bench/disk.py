"""What reaches the disk for each reading, as the kernel counts it for the agent's process."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from bench.meter import file_system, written_bytes
from bench.subjects import WholeAgent
from bench.table import Row
from bench.throughput import Load

if TYPE_CHECKING:
    from bench.setting import Setting

TOPIC = "Bytes to disk per reading"
#: Messages a second, with the bar where there is one.
_RATES = {1: None, 10: 600.0, 100: 600.0, 1000: None}
_BLOCK = 512


def measure(setting: Setting) -> None:
    """Add what is written and how the files grow, at each rate."""
    for rate, most in _RATES.items():
        seconds = setting.count(full=60, quick=20)
        written, grown, note = per_reading(setting, f"disk{rate}", rate, seconds)
        what = f"{rate:,} messages a second"
        setting.report.add(Row(TOPIC, f"{what}: written", [written], "bytes", most=most, note=note))
        setting.report.add(Row(TOPIC, f"{what}: growth of the store", [grown], "bytes"))


def per_reading(setting: Setting, name: str, rate: int, seconds: float, settings: str = "") -> tuple[float, float, str]:
    """Publish at a rate for so long; give bytes written and grown per reading, and on what.

    All that is written counts until the agent has ended in order: the last checkpoint too.
    """
    folder = setting.folder(name)
    kind = file_system(folder)
    agent = WholeAgent(folder, setting.port, name, settings=settings, commit_seconds=None)
    load = Load(agent, setting.port)
    try:
        load.run(1000)
        written, size = written_bytes(agent.pid), _used_bytes(agent)
        messages = max(1, round(rate * seconds / load.topics)) * load.topics
        with load.flood(messages, rate) as flood:
            flood.go()
            assert flood.result()["confirmed"] == messages
        load.finish()
        agent.verify(load.sent)
        grown = _used_bytes(agent) - size
        written = _written_at_the_end(agent) - written
    finally:
        agent.close()
    assert written or kind == "tmpfs", "nothing was written to a disk"
    note = f"{messages:,} readings on {kind}" + (": memory, so nothing is written" if kind == "tmpfs" else "")
    return written / messages, grown / messages, note


def _used_bytes(agent: WholeAgent) -> float:
    """Tell how many bytes of the store's file are used, what is still in its log included."""
    pages = "page_count - freelist_count FROM pragma_page_count(), pragma_freelist_count()"
    return (agent.look(f"SELECT {pages}") or 0) * (agent.look("PRAGMA page_size") or 0)


def _written_at_the_end(agent: WholeAgent) -> int:
    """Let the agent end, and tell what it has written in its life."""
    process = agent.process.process
    process.send_signal(signal.SIGTERM)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_oublock * _BLOCK
