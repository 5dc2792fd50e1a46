"""From the publication of the reading that decides to the arrival of the command at the node, under other load."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from bench.plantfile import Size
from bench.station import PLANT, Station
from bench.subjects import WholeAgent
from bench.table import Row, percentile
from support.flood import Flood

if TYPE_CHECKING:
    from bench.setting import Setting

TOPIC = "Reaction: from a reading's publication to the command's arrival at the node"
_SITE = "reaction"
#: Messages a second beside it: commands in each round of a full run, and the bars on median and 99th percentile in ms.
_LOADS: dict[int, tuple[int, float | None, float | None]] = {
    10: (60, 3.0, None),
    200: (60, None, None),
    1000: (200, None, 15.0),
    5000: (100, None, None),
}


def measure(setting: Setting) -> None:
    """Add median, 99th percentile and worst at each load, of each round."""
    agent = WholeAgent(setting.folder("reaction"), setting.port, _SITE, more=PLANT)
    station = Station(setting.port, _SITE)
    found: dict[int, list[list[float]]] = {rate: [] for rate in _LOADS}
    try:
        _reactions(station, 10)
        for _ in range(setting.rounds):
            for rate, (count, *_) in _LOADS.items():
                found[rate].append(_under(setting.port, rate, station, setting.count(full=count, quick=count // 2)))
    finally:
        station.close()
        agent.close()
    for rate, rounds in found.items():
        _, most_median, most_p99 = _LOADS[rate]
        note = f"{len(rounds)} rounds of {len(rounds[0])} commands"
        for name, share, most in (("median", 0.5, most_median), ("p99", 0.99, most_p99), ("worst", 1.0, None)):
            figures = [percentile(each, share) for each in rounds]
            what = f"{rate:,} messages a second: {name}"
            setting.report.add(Row(TOPIC, what, figures, "ms", most, note=f"of {note}"))


def _under(port: int, rate: int, station: Station, count: int) -> list[float]:
    with Flood(port, site=_SITE, rate=rate, **Size().options()) as flood:
        flood.go()
        time.sleep(1)
        return _reactions(station, count)


def _reactions(station: Station, count: int) -> list[float]:
    chance = random.Random(4)
    milliseconds = []
    for number in range(count):
        level, action = (0.5, "start") if number % 2 == 0 else (4.5, "stop")
        milliseconds.append(station.reaction(level, action) * 1e3)
        time.sleep(chance.uniform(0.02, 0.08))
    return milliseconds
