"""The peers that a run measures beside the agent: those that are asked for and can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import ekuiper, faststream_peer, node_red, telegraf
from bench.peers import MissingError
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.setting import Setting
    from bench.subjects import Subject
    from bench.throughput import Load


def start_peers(setting: Setting, load: Callable[..., Load], topic: str) -> dict[str, Load]:
    """Start the peers that can be had; each other one gets a row that says why."""
    ways: dict[str, Callable[[], Subject]] = {
        "node-red": lambda: node_red.start(setting.port, setting.folder("node-red")),
        "faststream": lambda: faststream_peer.start(setting.port),
        "telegraf": lambda: telegraf.start(setting.port, setting.folder("telegraf")),
        "ekuiper": lambda: ekuiper.start(setting.port, setting.folder("ekuiper")),
    }
    found = {}
    for name, start in ways.items():
        try:
            _wanted(setting, name)
            found[name] = load(start(), optional=True)
        except (MissingError, AssertionError, OSError) as error:
            setting.report.add(Row(topic, name, note=f"not measured: {error}"))
    return found


def working(setting: Setting, peers: dict[str, Load], topic: str) -> dict[str, Load]:
    """Leave out those that failed; each gets a row that says how."""
    for name, load in peers.items():
        if load.failure:
            note = f"not measured: {load.failure}"
            setting.report.add(Row(topic, name, note=note))
    return {name: load for name, load in peers.items() if not load.failure}


def _wanted(setting: Setting, name: str) -> None:
    if not setting.peers:
        raise MissingError("ask for the peers with --peers")
    if name in {"telegraf", "ekuiper"} and not setting.go_peers:
        raise MissingError("it is built from its Go module: ask for it with --go-peers")
