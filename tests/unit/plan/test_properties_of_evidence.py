"""Whatever happens: nothing but the fail-safe action is requested, or counts as sure, without good readings lately."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.plandesk import BACKUP, HIGH, INTAKE, LEVEL, LOW, PLANT, PUMP1, PUMP2, SUCTION, alarms
from support.plants import START, later, plan
from support.stageworks import conditions, stages, timetable

from edge_agent.model.evidence import Look
from edge_agent.model.plant import Fallback
from edge_agent.plan.planning import Planner
from edge_agent.plan.planstate import PlanState
from edge_agent.plan.scene import Gauge
from edge_agent.plan.situation import Situation
from edge_agent.plan.standing import Station

SENSORS = (LEVEL, BACKUP, INTAKE)
ALARMS = (LOW, HIGH, SUCTION, "station/pump2:failed")

_limits = st.sampled_from([(1.0, 3.0), (2.0, 2.5)])
_stages = st.builds(
    lambda name, measure, limits, use, **more: stages((*limits, use), identity=name, measure=measure, **more),
    st.sampled_from("abcd"),
    st.sampled_from([LEVEL, BACKUP]),
    _limits,
    st.sampled_from([PUMP1, PUMP2]),
    priority=st.sampled_from([10, 50]),
    evidence_seconds=st.sampled_from([60, 300]),
    without_evidence=st.sampled_from([(), (Fallback(use=BACKUP),)]),
)
_conditions = st.builds(
    lambda name, when, unless, step, **more: plan(name, when, step, unless=unless, **more),
    st.sampled_from("abcd"),
    st.lists(st.sampled_from(ALARMS), min_size=1, max_size=2),
    st.lists(st.sampled_from(ALARMS), max_size=1).map(tuple),
    st.tuples(st.sampled_from([PUMP1, PUMP2]), st.sampled_from(["start", "stop"])),
    priority=st.sampled_from([10, 50]),
    cooldown_seconds=st.sampled_from([0, 100]),
    evidence_seconds=st.sampled_from([0, 60, 300]),
    trip=st.booleans(),
    latch=st.booleans(),
)
_timetables = st.builds(
    lambda name, unsure, **more: timetable("10:00-10:05", identity=name, unsure=unsure, **more),
    st.sampled_from("abcd"),
    st.sampled_from([None, "stop"]),
    priority=st.sampled_from([10, 50]),
)
_texts = st.builds(
    lambda name, when, unless, until, step, **more: conditions(name, when, (step,), unless=unless, until=until, **more),
    st.sampled_from("abcd"),
    st.sampled_from(
        [f"{LEVEL} < 2", f"{LEVEL} < 2 for 20 s or {HIGH}", f"{LEVEL} < 3 and not {INTAKE} < 1", f"not {HIGH}"]
    ),
    st.sampled_from([(), (SUCTION,), (f"{INTAKE} < 1",), ("station/pump2 is running",)]),
    st.sampled_from([(), (f"{LEVEL} > 2",), (HIGH, f"{BACKUP} > 3 for 10 s")]),
    st.tuples(st.sampled_from([PUMP1, PUMP2]), st.sampled_from(["start", "stop"])),
    priority=st.sampled_from([10, 50]),
    cooldown_seconds=st.sampled_from([0, 100]),
    without_evidence=st.sampled_from([(), (Fallback(use=BACKUP),)]),
)
_plans = st.lists(st.one_of(_conditions, _stages, _timetables, _texts), unique_by=lambda p: p.id, max_size=4)
_names = st.frozensets(st.sampled_from(ALARMS))
_events = st.lists(
    st.one_of(
        st.tuples(st.just("good"), st.tuples(st.sampled_from(SENSORS), st.sampled_from([0.5, 1.5, 2.2, 3.5]))),
        st.tuples(st.just("suspect"), st.tuples(st.sampled_from(SENSORS), st.sampled_from([0.5, 3.5]))),
        st.tuples(st.just("alarms"), _names),
        st.tuples(st.just("doubt"), _names),
        st.tuples(st.just("edit"), _plans),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("returned"), st.none()),
        st.tuples(st.just("reports"), st.dictionaries(st.sampled_from([PUMP1, PUMP2]), st.booleans())),
        st.tuples(st.just("reset"), st.sampled_from([PUMP1, PUMP2])),
        st.tuples(st.just("revising"), st.booleans()),
        st.tuples(st.just("clock"), st.booleans()),
        st.tuples(st.just("time"), st.sampled_from([1, 20, 45, 200, 400])),
    ),
    max_size=30,
)


class World:
    """A planner, what it sees, and what it has requested by actuator."""

    def __init__(self, plans, *, told=True):
        self.plans, self.now, self.told = plans, START, told
        self.changed, self.values, self.suspect, self.revising = set(), {}, {}, False
        self.good, self.active, self.doubted, self.doing = {}, frozenset(), frozenset(), {}
        self.after = START.seconds
        self.standing = {}
        self.planner = Planner(PLANT, plans, [], START)

    def happen(self, event, detail):
        if event in {"good", "suspect"}:
            self._hear(*detail, good=event == "good")
        elif event == "alarms":
            self.changed |= self.active ^ detail
            self.active = detail
        elif event in {"doubt", "revising"}:
            setattr(self, {"doubt": "doubted"}.get(event, event), detail)
        elif event == "clock":
            self.now = self.now._replace(sure=detail)
        elif event == "edit":
            self.plans = detail
            self.planner.adopt(detail)
        elif event == "restart":
            self._restart()
        elif event == "returned":
            self.after = self.now.seconds
            self.changed.add("station")
        elif event == "reports":
            self.doing |= detail
        elif event == "reset":
            self.planner.reset(detail)

    def _hear(self, sensor, value, *, good):
        self.changed.add(sensor)
        self.suspect |= {sensor: None if good else value}
        if good:
            self.good[sensor], self.values[sensor] = self.now.seconds, value

    def _restart(self):
        memories = self.planner.memories(self.now)
        self.now = later(1, self.now)
        self.good, self.doing, self.after = {}, {}, self.now.seconds
        self.values, self.suspect = {}, {}
        self.planner = Planner(PLANT, self.plans, memories, self.now)
        for request in self.standing.values():
            self.planner.stand(request)

    def decide(self):
        self.now = later(1, self.now)
        changed, self.changed = self.changed, set()
        situation = Situation(
            alarms(*self.active),
            self.good.get,
            self._station,
            self.doubted,
            changed=changed if self.told else None,
            revising=self.revising,
            gauge=self._gauge,
            equipment=lambda name: {"running": self.doing[name]} if name in self.doing else {},
        )
        planned = self.planner.decide(situation, self.now)
        self.standing |= {request.actuator: request for request in planned.requests}
        return planned.requests

    def _gauge(self, name):
        good, doubtful = self.values.get(name), self.suspect.get(name)
        return Gauge(good, doubtful, trusted=good is not None and doubtful is None)

    def _station(self, standing):
        return Station(self.after, self.doing.get(standing.request.actuator))

    def lacks(self, request):
        """What the plan of a request has not seen within its time, since the start and its node's return."""
        [found] = [p for p in self.plans if p.id == request.plan] or [None]
        if found is None:
            return ["its plan"]
        if found.kind == "timetable":
            return [] if self.now.sure else ["the clock"]
        missing = [look.name for look in PlanState(found, PLANT, 0.0).looks if not self._is_fresh(look)]
        within = found.evidence_seconds
        instead = [step for step in found.without_evidence if step.use and self._is_fresh(Look(step.use, within))]
        return missing[1:] if instead else missing

    def _is_fresh(self, look):
        seen = self.good.get(look.name)
        return seen is not None and seen >= self.after and self.now.seconds - seen <= look.within_seconds


@settings(max_examples=300)
@given(_plans, _events)
def test_nothing_but_the_fail_safe_without_evidence(plans, events):
    world = World(plans)
    for event, detail in events:
        world.happen(event, detail)
        for _ in range(detail if event == "time" else 1):
            for request in world.decide():
                assert request.action == "stop" or world.lacks(request) == []
            for actuator, request in world.standing.items():
                if request.action != "stop" and not world.planner.unsure(actuator):
                    assert world.lacks(request) == []
                    assert actuator not in world.planner.tripped


@settings(max_examples=100)
@given(_plans, _events)
def test_silence_ends_every_request_but_the_fail_safe(plans, events):
    world = World(plans)
    for event, detail in events:
        world.happen(event, detail)
        world.decide()
    world.now = later(600, world.now)
    world.decide()
    seeing = {p.id for p in world.plans if not PlanState(p, PLANT, 0.0).looks}
    for request in world.standing.values():
        assert request.action == "stop" or request.plan in seeing


@settings(max_examples=100)
@given(_plans, _events)
def test_a_fail_safe_step_whose_alarms_hold_is_what_stands(plans, events):
    """Whatever was seen or not: unless a stronger plan has evidence for another."""
    world = World(plans)
    for event, detail in events:
        world.happen(event, detail)
        world.decide()
        known = world.active | world.doubted
        for p in world.plans:
            if p.kind != "condition" or ":" not in "".join(p.when) or " " in "".join((*p.when, *p.unless)):
                continue
            holds = known.issuperset(p.when) and world.active.isdisjoint(p.unless)
            request = world.standing.get(p.do[0].actuator)
            if p.do[0].action == "stop" and holds and request.action != "stop":
                assert not p.trip
                assert request.priority > p.priority


_BY_DOUBT_IN_TIME = conditions(
    "b", f"{LEVEL} < 2 for 20 s or {HIGH}", ((PUMP1, "stop"),), without_evidence=(Fallback(use=BACKUP),)
)


@example([_BY_DOUBT_IN_TIME], [("good", (BACKUP, 2.2)), ("suspect", (LEVEL, 0.5)), ("time", 20)])
@settings(max_examples=200)
@given(_plans, _events)
def test_who_is_told_what_has_changed_decides_as_who_looks_at_everything(plans, events):
    worlds = World(plans), World(plans, told=False)
    for event, detail in events:
        for world in worlds:
            world.happen(event, detail)
        for _ in range(detail if event == "time" else 1):
            one, other = (sorted(world.decide(), key=lambda request: request.actuator) for world in worlds)
            assert one == other
            for name in ("blind", "tripped"):
                assert getattr(worlds[0].planner, name) == getattr(worlds[1].planner, name)
            for actuator in (PUMP1, PUMP2):
                assert worlds[0].planner.unsure(actuator) == worlds[1].planner.unsure(actuator)


@settings(max_examples=200)
@given(_plans, _events)
def test_who_looks_only_when_it_is_due_decides_as_who_looks_every_second(plans, events):
    often, rarely = World(plans), World(plans)
    for event, detail in events:
        for world in (often, rarely):
            world.happen(event, detail)
        for step in range(detail if event == "time" else 1):
            found = often.decide()
            if step == 0 or rarely.planner.next_seconds() <= rarely.now.seconds + 1:
                assert rarely.decide() == found
            else:
                rarely.now = later(1, rarely.now)
                assert found == ()
