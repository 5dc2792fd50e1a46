"""What a subject takes at the rates that stations really send: its share of a core, and how often it wakes up."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bench.company import start_peers, working
from bench.meter import Meter
from bench.subjects import MosquittoSub, WholeAgent, aiomqtt_floor, session_floor
from bench.table import Row
from bench.throughput import Load, attempt, ratios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.meter import Used
    from bench.setting import Setting
    from bench.subjects import Subject

SHARE = "Share of a core at the rates of a station, QoS 1"
WAKES = "Wake-ups a second at the rates of a station, QoS 1"
#: Messages a second, with the seconds that each subject is watched in a round, and in one of a quick run.
_RATES = {10: (20, 10), 100: (8, 5), 1000: (5, 3), 5000: (4, 3)}
#: The most that the agent may take of what eKuiper takes, at a rate.
_OF_EKUIPER = {10: 1.0, 100: 0.5, 1000: 1 / 3}
_MOST_AT_REST, _MOST_WAKES_AT_REST = 0.05, 2.0


def measure(setting: Setting) -> None:
    """Add all subjects, at rest side by side, at each rate in turns."""
    with ExitStack() as stack:

        def load(subject: Subject, **options: bool) -> Load:
            stack.callback(subject.close)
            return Load(subject, setting.port, **options)

        loads = {
            "edge-agent": load(WholeAgent(setting.folder("rates"), setting.port, "rates", commit_seconds=None)),
            **{name: load(agent) for name, agent in _variants(setting)},
            "session": load(session_floor(setting.port)),
            "aiomqtt": load(aiomqtt_floor(setting.port)),
            "mosquitto_sub": load(MosquittoSub(setting.folder("sub"), setting.port)),
        }
        loads |= start_peers(setting, load, SHARE)
        used = _at_rates(setting, loads)
        peers = working(setting, loads, SHARE)
        used[0] = _at_rest(peers, setting.rounds, setting.count(full=30, quick=10))
        for rate in sorted(used):
            _add(setting, rate, peers, used[rate])


def _variants(setting: Setting) -> Iterator[tuple[str, WholeAgent]]:
    """Start the agent with other settings beside the one as it is installed."""
    variants = {"at-once": ("gather_seconds = 0", "gather_seconds = 0\n", "asyncio")}
    if find_spec("uvloop") is not None:
        variants["uvloop"] = ("uvloop", "", "uvloop")
    for name, (what, mqtt, loop) in variants.items():
        folder = setting.folder(name)
        agent = WholeAgent(folder, setting.port, name, mqtt=mqtt, commit_seconds=None, event_loop=loop)
        agent.name = f"edge-agent, whole, with {what}"
        yield name, agent


def _at_rest(loads: dict[str, Load], rounds: int, seconds: float) -> dict[str, list[Used]]:
    """Watch all of them at once while nothing comes: they do not disturb each other then."""
    for load in loads.values():
        attempt(load, load.finish)  # what waits for a commit is committed then
    found: dict[str, list[Used]] = {name: [] for name in loads}
    for _ in range(rounds):
        meters = {name: Meter(load.subject.pid) for name, load in loads.items()}
        time.sleep(seconds)
        for name, meter in meters.items():
            found[name].append(meter.read())
    return found


def _at_rates(setting: Setting, loads: dict[str, Load]) -> dict[int, dict[str, list[Used]]]:
    found: dict[int, dict[str, list[Used]]] = {rate: {name: [] for name in loads} for rate in _RATES}
    for load in loads.values():
        attempt(load, partial(load.run, setting.count(full=10_000, quick=5000)))
    for _ in range(setting.rounds):
        for rate, (full, quick) in _RATES.items():
            seconds = setting.count(full=full, quick=quick)
            for name, load in loads.items():
                attempt(load, partial(_watch, load, rate, seconds, found[rate][name]))
    return found


def _watch(load: Load, rate: int, seconds: float, kept: list[Used]) -> None:
    kept.append(load.trickle(rate, seconds))


def _add(setting: Setting, rate: int, loads: dict[str, Load], used: dict[str, list[Used]]) -> None:
    add, when = setting.report.add, f"{rate:,} a second"
    for name, load in loads.items():
        rests = name == "edge-agent" and rate == 0
        shares, wakes = [each.share * 100 for each in used[name]], [each.wake_ups for each in used[name]]
        add(Row(SHARE, f"{when}: {load.subject.name}", shares, "%", most=_MOST_AT_REST if rests else None))
        add(Row(WAKES, f"{when}: {load.subject.name}", wakes, "/s", most=_MOST_WAKES_AT_REST if rests else None))
    most = _OF_EKUIPER.get(rate)
    what = f"{when}: edge-agent ÷ eKuiper"
    if "ekuiper" in loads:
        shares, theirs = ([each.share for each in used[name]] for name in ("edge-agent", "ekuiper"))
        add(Row(SHARE, what, ratios(shares, theirs), "ratio", most=most, note="of each round"))
    elif most is not None:
        add(Row(SHARE, what, most=most, note="eKuiper was not measured"))
