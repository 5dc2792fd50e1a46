"""From the publication of the reading that decides to the arrival of the command at the node, under other load."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
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
#: Messages a second beside it, with the commands in each round of a full run.
_LOADS = {10: 60, 100: 60, 1000: 200, 5000: 100}
#: By share of the commands: the rates at which there is a bar, in ms, with the default and with gather_seconds = 0.
_DEFAULT = {0.5: {}, 0.99: {10: 40.0, 100: 40.0, 1000: 40.0}, 1.0: {}}
_AT_ONCE = {0.5: {10: 3.0}, 0.99: {1000: 15.0}, 1.0: {}}
_NAMES = {0.5: "median", 0.99: "p99", 1.0: "worst"}


def measure(setting: Setting) -> None:
    """Add median, 99th percentile and worst at each load, of each round: as it comes, and without gathering."""
    with ExitStack() as stack:
        plants = {
            name: _Plant(stack, setting, f"{_SITE}-{number}", mqtt)
            for number, (name, mqtt) in enumerate({"": "", " (gather_seconds = 0)": "gather_seconds = 0\n"}.items())
        }
        for _ in range(setting.rounds):
            for rate, count in _LOADS.items():
                for plant in plants.values():
                    plant.react(rate, setting.count(full=count, quick=count // 2))
    for (name, plant), bars in zip(plants.items(), (_DEFAULT, _AT_ONCE), strict=True):
        _add(setting, name, plant.found, bars)


class _Plant:
    """An agent, its pump station, and how long it took from the one to the other, by rate and round, in ms."""

    def __init__(self, stack: ExitStack, setting: Setting, site: str, mqtt: str) -> None:
        self._port, self._site = setting.port, site
        agent = WholeAgent(setting.folder(site), setting.port, site, more=PLANT, mqtt=mqtt, commit_seconds=None)
        stack.callback(agent.close)
        self._station = Station(setting.port, site)
        stack.callback(self._station.close)
        self.found: dict[int, list[list[float]]] = {rate: [] for rate in _LOADS}
        _reactions(self._station, 10)

    def react(self, rate: int, count: int) -> None:
        with Flood(self._port, site=self._site, rate=rate, **Size().options()) as flood:
            flood.go()
            time.sleep(1)
            self.found[rate].append(_reactions(self._station, count))


def _add(setting: Setting, name: str, found: dict[int, list[list[float]]], bars: dict[float, dict[int, float]]) -> None:
    for rate, rounds in found.items():
        note = f"of {len(rounds)} rounds of {len(rounds[0])} commands"
        for share, most in bars.items():
            figures = [percentile(each, share) for each in rounds]
            what = f"{rate:,} messages a second{name}: {_NAMES[share]}"
            setting.report.add(Row(TOPIC, what, figures, "ms", most.get(rate), note=note))


def _reactions(station: Station, count: int) -> list[float]:
    chance = random.Random(4)
    milliseconds = []
    for number in range(count):
        level, action = (0.5, "start") if number % 2 == 0 else (4.5, "stop")
        milliseconds.append(station.reaction(level, action) * 1e3)
        time.sleep(chance.uniform(0.02, 0.08))
    return milliseconds
