"""The station to which anything may happen: two pumps in a group, one with protections, two valves, and their rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.interlockworks import interlock
from support.plants import plant, pump, sensor
from support.stageworks import conditions
from support.stations import group, runs

from edge_agent.monitor.tests.gross_range import GrossRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_agent.model.plant import Plan, Plant, Provision

LEVEL, SUCTION = "tank/level", "station/suction"
GROUP = ("n1/pu", "n2/pu")
GUARDED = "n3/pu"
VALVES = ("zone/a", "zone/b")
ACTUATORS = (*GROUP, GUARDED, *VALVES)
EVIDENCE, TTL, LEASE, INTERVAL = 40.0, 10.0, 60.0, 10
LEAST, STARTS = 25.0, 3
ON = {"start", "open"}

DRY = interlock("dry", trip=f"{SUCTION} < 0.3 for 3 s", stop=["group s1", GUARDED], evidence_seconds=EVIDENCE)
EASY = interlock(
    "dry", trip=f"{SUCTION} < 0.3", stop=[GUARDED], reset={"after_seconds": 20, "at_most": 2}, evidence_seconds=EVIDENCE
)
PERMIT = interlock("ready", permit=[GUARDED], when=f"{SUCTION} > 0.5", evidence_seconds=EVIDENCE)
ONE = interlock("valves", exclusive=["zone/a is open", "zone/b is open"])
S1 = group("s1", GROUP, at_most=1, lead="alternate", stagger_seconds=5)
PROVISIONS: tuple[tuple[Provision, ...], ...] = ((S1, DRY, ONE), (S1, ONE, PERMIT), (S1, EASY, ONE, PERMIT))

_MORE: dict[str, Any] = {"evidence_seconds": EVIDENCE}
PLANS: tuple[tuple[Plan, ...], ...] = (
    (
        runs("boost", f"{LEVEL} < 2", 1, until=[f"{LEVEL} > 4"], **_MORE),
        conditions("fill", f"{LEVEL} < 1.5", [(GUARDED, "start")], until=[f"{LEVEL} > 3"], **_MORE),
        conditions("in", f"{LEVEL} < 2", [("zone/a", "open")], until=[f"{LEVEL} > 2.5"], **_MORE),
        conditions("itself", f"{LEVEL} < 1.2", [("n1/pu", "start")], until=[f"{LEVEL} > 1.4"], priority=55, **_MORE),
        conditions("out", f"{LEVEL} > 2.2", [("zone/b", "open")], until=[f"{LEVEL} > 4.5"], **_MORE),
    ),
    (
        runs("boost", f"{LEVEL} < 3", 1, until=[f"{LEVEL} > 4"], **_MORE),
        conditions("fill", f"{LEVEL} < 3", [(GUARDED, "start")], until=[f"{LEVEL} > 3.5"], priority=60, **_MORE),
        conditions("rest", f"{LEVEL} > 4", [(GUARDED, "stop")], priority=70, **_MORE),
    ),
    (conditions("in", f"{LEVEL} < 2", [("zone/a", "open")], until=[f"{LEVEL} > 2.5"], **_MORE),),
)


def site(plans: Iterable[Plan] = PLANS[0], provisions: Iterable[Provision] = PROVISIONS[0]) -> Plant:
    """The plant, with some of its plans and provisions in force."""
    quick = {"min_on_seconds": 0.0, "min_off_seconds": 0.0, "command_ttl_seconds": TTL, "lease_seconds": LEASE}
    guarded = quick | {"min_on_seconds": LEAST, "min_off_seconds": LEAST, "max_starts_per_hour": STARTS}
    pumps = [pump(name, **quick) for name in GROUP]
    valves = [pump(name, kind="valve", fail_safe="close", **quick) for name in VALVES]
    tests = {"gross_range": GrossRange((0.0, 6.0), (0.2, 5.8)), "interval_seconds": float(INTERVAL)}
    sensors = [sensor(LEVEL, **tests), sensor(SUCTION, "pressure", "bar", interval_seconds=float(INTERVAL))]
    made = plant(sensors, [*pumps, pump(GUARDED, **guarded), *valves], [], tuple(plans))
    return replace(made, policy=replace(made.policy, provisions=tuple(provisions)))
