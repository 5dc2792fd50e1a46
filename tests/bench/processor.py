"""Processor time per message and the highest rate: the agent, what users would pick instead, and the floors."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.company import start_peers, working
from bench.subjects import MosquittoSub, WholeAgent, aiomqtt_floor, session_floor
from bench.table import Row
from bench.throughput import Load, highest_rate, interleave, ratios

if TYPE_CHECKING:
    from bench.setting import Setting
    from bench.subjects import Subject

TOPIC = "Processor time per message, QoS 1"
RATES = "Highest rate held without a growing backlog"


def measure(setting: Setting) -> None:
    """Add all subjects, measured in turns."""
    with ExitStack() as stack:

        def load(subject: Subject, **options: bool) -> Load:
            stack.callback(subject.close)
            return Load(subject, setting.port, **options)

        agent = load(WholeAgent(setting.folder("agent"), setting.port))
        ten = load(
            WholeAgent(setting.folder("agent10"), setting.port, "agent10", readings_a_message=10), whole_nodes=True
        )
        shipped, session = load(aiomqtt_floor(setting.port)), load(session_floor(setting.port))
        loads = [agent, ten, shipped, session, load(MosquittoSub(setting.folder("sub"), setting.port))]
        peers = start_peers(setting, load, TOPIC)
        messages = setting.count(full=40_000, quick=15_000)
        warm = setting.count(full=20_000, quick=10_000)
        interleave([*loads, *peers.values()], messages, setting.rounds, warm)
        peers = working(setting, peers, TOPIC)
        _add_agent(setting, agent, ten, peers.get("node-red"))
        _add_floors(setting, shipped, session, loads[-1])
        _add_peers(setting, peers)
        _add_rates(setting, agent, ten, peers)


def _add_agent(setting: Setting, agent: Load, ten: Load, node_red_load: Load | None) -> None:
    add = setting.report.add
    note = f"100 sensors, 5 tests, 4 thresholds each; {agent.subject.verify(agent.sent)}"
    add(Row(TOPIC, "edge-agent, whole: one reading a message", agent.cpu_us, "µs", most=22, note=note))
    what = "edge-agent ÷ Node-RED"
    if node_red_load is None:
        add(Row(TOPIC, what, most=0.45, note="Node-RED was not measured"))
    else:
        add(Row(TOPIC, what, ratios(agent.cpu_us, node_red_load.cpu_us), "ratio", most=0.45, note="of each round"))
    a_reading = [figure / 10 for figure in ten.cpu_us]
    note = ten.subject.verify(ten.sent)
    add(Row(TOPIC, "edge-agent, whole: ten readings a message, per reading", a_reading, "µs", most=8, note=note))


def _add_floors(setting: Setting, shipped: Load, session: Load, sub: Load) -> None:
    for load in (session, shipped, sub):
        note = load.subject.verify(load.sent)
        setting.report.add(Row(TOPIC, load.subject.name, load.cpu_us, "µs", note=note))
    ratio = ratios(session.cpu_us, shipped.cpu_us)
    setting.report.add(Row(TOPIC, "our session ÷ aiomqtt as it ships", ratio, "ratio", most=0.12, note="of each round"))


def _add_peers(setting: Setting, peers: dict[str, Load]) -> None:
    for load in peers.values():
        note = load.subject.verify(load.sent)
        setting.report.add(Row(TOPIC, load.subject.name, load.cpu_us, "µs", note=note))


def _add_rates(setting: Setting, agent: Load, ten: Load, peers: dict[str, Load]) -> None:
    seconds, steps = setting.count(full=6, quick=3), setting.count(full=5, quick=3)
    for what, load in (
        ("edge-agent, whole: one reading a message", agent),
        ("edge-agent, whole: ten readings a message", ten),
        *((load.subject.name, load) for load in peers.values()),
    ):
        try:
            rate = highest_rate(load, seconds, steps)
            load.subject.verify(load.sent)
        except AssertionError as error:
            if not load.optional:
                raise
            setting.report.add(Row(RATES, what, note=f"not measured: {str(error)[:120]}"))
            continue
        note = f"for {seconds} s; the broker and the publisher take their part of the same cores"
        setting.report.add(Row(RATES, what, [rate], "messages/s", note=note))
