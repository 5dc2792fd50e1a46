"""Writes docs/performance.md and the plot in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import describe
from bench.plot import draw
from bench.table import markdown

if TYPE_CHECKING:
    from bench.table import Report

DOCS = Path(__file__).resolve().parents[2] / "docs"

_TEXT = """# Performance

What the agent costs, beside what a user would pick instead, measured in one run on one machine. Figures depend on the
machine; compare the ratios. `make bench ARGS="{arguments}"` wrote this page; run it again to repeat it.

{facts}

![Processor time per message: the agent, the peers and the floors](performance.svg)

{tables}

## How it is measured

- A real Mosquitto on loopback with the project's `mosquitto/local.conf`, and a publisher in a process of its own with
  packets encoded beforehand (`tests/support/flood.py`). Publisher, broker and subject share the cores of the machine.
- Every subject is a process of its own. Processor time is its user plus system time, all threads, without start-up,
  while it works off a flood; what it commits within the next second counts too.
- Subjects that are compared take turns, round after round. The median, lowest and highest of the rounds are shown, and
  ratios are of each round.
- It is asserted that each message was handled, and that the agent has stored each reading once and found it good.
- The agent: QoS 1, 100 sensors unless told otherwise, each with gross range, rate of change, spike, flat line and
  freshness, and four thresholds; embedded store with `synchronous=FULL`; metrics on.
- Node-RED: mqtt in, JSON, a function with range, age, rate of change, flat line, spike and four limits with hysteresis,
  mqtt out. Telegraf: the same checks in its Starlark processor. eKuiper: one rule with range, rate of change, spike and
  limits. FastStream: a handler that takes validated readings, no checks. None of them stores anything.
- At the rates of a station each subject is watched for some seconds of a steady trickle, after the first second of
  it, and all of them side by side at rest. Wake-ups are the times that its threads gave up the processor of their own
  accord, to wait. The agent is there as it is installed, with `mqtt.gather_seconds = 0`, and with uvloop.
- The cost of a turn is that of the core alone, called in one process over one message after the other: the median of
  each round.
- The highest rate held is the highest at which, after some seconds, no more than a quarter of a second's worth of
  messages waits.
- Reaction is measured by a simulated pump station: from just before it publishes the level that decides until it has
  read the command, by one clock. The command is on disk before it is published.
- Bytes written are those that the kernel counts for the agent's process until it has ended, the last checkpoint
  included; the file system is in the note. Growth is that of the pages in use.
"""


def write(report: Report, arguments: str) -> None:
    """Write both files, as they were measured by `make bench` with these arguments."""
    facts = "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in describe())])
    (DOCS / "performance.md").write_text(
        _TEXT.format(arguments=arguments, facts=facts, tables=markdown(report)), encoding="utf-8"
    )
    (DOCS / "performance.svg").write_text(draw(report), encoding="utf-8")
