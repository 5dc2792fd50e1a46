"""Memory and processor time as the plant grows, and how soon the agent works after its start."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.meter import Meter, resident_bytes
from bench.plantfile import Size
from bench.subjects import WholeAgent
from bench.table import Row
from bench.throughput import Load, interleave, ratios

if TYPE_CHECKING:
    from bench.setting import Setting

TOPIC = "As the plant grows (every sensor with 5 tests and 4 thresholds)"
START = "Start"
_SIZES = {100: Size(10, 10), 1000: Size(100, 10), 10_000: Size(1000, 10)}
_MOST_MEGABYTES = {1000: 80.0, 10_000: 150.0}
_GENTLE_RATE = 100


def measure(setting: Setting) -> None:
    """Add memory, processor time and share of a core at each size."""
    with ExitStack() as stack:
        loads = {}
        for sensors, size in _SIZES.items():
            agent = WholeAgent(setting.folder(f"plant{sensors}"), setting.port, f"plant{sensors}", size)
            stack.callback(agent.close)
            loads[sensors] = Load(agent, setting.port, size)
        interleave(list(loads.values()), setting.count(full=40_000, quick=20_000), setting.rounds, warm=20_000)
        for sensors, load in loads.items():
            _add(setting, sensors, load)
        ratio = ratios(loads[10_000].cpu_us, loads[100].cpu_us)
        what = "CPU a message at 10,000 sensors ÷ at 100"
        setting.report.add(Row(TOPIC, what, ratio, "ratio", most=1.25, note="of each round"))


def _add(setting: Setting, sensors: int, load: Load) -> None:
    add = setting.report.add
    note = load.subject.verify(load.sent)
    memory = resident_bytes(load.subject.pid) / 1e6
    add(Row(TOPIC, f"{sensors:,} sensors: RSS", [memory], "MB", most=_MOST_MEGABYTES.get(sensors), note=note))
    add(Row(TOPIC, f"{sensors:,} sensors: CPU a message", load.cpu_us, "µs", note="at the highest rate"))
    share = _share_of_a_core(load, setting.count(full=15, quick=6))
    add(Row(TOPIC, f"{sensors:,} sensors: share of a core at 100 messages a second", [share * 100], "%"))


def _share_of_a_core(load: Load, seconds: float) -> float:
    """Publish gently for so long; tell which part of a core the subject took meanwhile. It ends in the middle."""
    whole_rounds = max(1, round(_GENTLE_RATE * seconds / load.topics))
    with load.flood(whole_rounds * load.topics, _GENTLE_RATE) as flood:
        flood.go()
        time.sleep(1)
        meter = Meter(load.subject.pid)
        time.sleep(seconds)
        return meter.read().share


def measure_start(setting: Setting) -> None:
    """Add the time from the start of the process to the turn that processed the first reading."""
    agent = WholeAgent(setting.folder("start"), setting.port, "start")
    load = Load(agent, setting.port)
    try:
        load.run(1000)  # there is a store, and a session at the broker
        seconds = []
        for _ in range(max(5, setting.rounds)):
            agent.process.terminate()
            with load.flood(1000) as flood:  # waits at the broker, as after any pause
                flood.go()
                flood.result()
            spawned = time.time()  # noqa: TID251 - the clock of `received_at`
            agent.process.start()
            load.finish()
            seconds.append(agent.first_received(spawned) - spawned)
        note = "spawn of `edge-agent run` with 100 sensors, a store and messages waiting at the broker"
        setting.report.add(Row(START, "start to first processed reading", seconds, "s", most=1.2, note=note))
    finally:
        agent.close()
