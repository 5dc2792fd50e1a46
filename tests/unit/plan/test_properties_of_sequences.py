"""Whatever happens: no step before its proof, the way back wherever it ends, and on again once all is well."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.plants import pump, state, status
from support.stations import QUICK, Station, sequence, stages, works

PUMP, BYPASS = "booster/pump", "valves/bypass"
BOOST = sequence(
    "boost",
    [
        {"actuator": BYPASS, "action": "close", "until": f"{BYPASS} is closed", "within_seconds": 60},
        {"actuator": PUMP, "action": "start"},
    ],
    [
        {"actuator": PUMP, "action": "stop", "until": f"{PUMP} is stopped", "within_seconds": 60},
        {"actuator": BYPASS, "action": "open"},
    ],
)
BOTH = (PUMP, BYPASS)

_panels = st.sampled_from(["local", "remote"])
_events = st.lists(
    st.one_of(
        st.tuples(st.just("level"), st.sampled_from([1.0, 1.5, 3.0, 4.5])),
        st.tuples(st.just("time"), st.sampled_from([1.0, 20.0, 70.0, 400.0])),
        st.tuples(st.just("hand"), st.tuples(st.sampled_from(BOTH), st.booleans(), _panels)),
        st.tuples(st.just("remote"), st.sampled_from(BOTH)),
        st.tuples(st.just("offline"), st.sampled_from(BOTH)),
        st.tuples(st.just("online"), st.sampled_from(BOTH)),
        st.tuples(st.just("dead"), st.sets(st.sampled_from(BOTH))),
        st.tuples(st.just("reset"), st.sampled_from(BOTH)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=25,
)  # fmt: skip


class Booster(Station):
    """A booster and its bypass; it notes what the bypass has reported last in this run, before each start."""

    def __init__(self):
        valve = pump(BYPASS, kind="valve", fail_safe="open", **QUICK)
        made = works([pump(PUMP, **QUICK), valve], [BOOST], stages((2.0, 4.0, "sequence boost")))
        super().__init__(made, connected=False)
        self.does[BYPASS] = True
        self.connect()

    def turn(self, *messages, **more):
        control = self.knowledge.executor.roster.plant[BYPASS]
        known = control.reported
        turn = super().turn(*messages, **more)
        now = self.knowledge.executor.roster.plant[BYPASS].reported
        for command in turn.commands:
            if command.target == PUMP and command.action == "start" and "renewed" not in command.reason:
                assert "closed" in {getattr(one, "state", None) for one in (known, now)}, command.reason
        return turn

    def happen(self, event, detail):
        if event == "level":
            self.shows(detail)
        elif event == "time":
            self.passes(detail, 10.0)
        elif event == "hand":
            name, on, control = detail
            if name not in self.dead:
                self.does[name] = on
                self.obey(self.turn(self.report(name, control=control)))
        elif event == "remote":
            self.obey(self.turn(self.report(detail)))
        elif event in {"offline", "online"}:
            self.obey(self.turn(status(event == "online", detail.partition("/")[0])))
        elif event == "dead":
            self.dead = detail
        elif event == "reset":
            self.reset(detail)
        else:
            self.restart(5.0)
            self.connect()

    def report(self, name, **more):
        words = ("running", "stopped") if name == PUMP else ("open", "closed")
        return state(words[0] if self.does.get(name) else words[1], of=name, **more)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_events)
def test_the_pump_is_never_started_before_its_bypass_is_reported_closed_and_all_ends_well(events):
    works = Booster()
    for event, detail in events:
        works.happen(event, detail)
    works.dead = set()
    for name in BOTH:
        works.happen("online", name)
        works.happen("remote", name)
        works.happen("reset", name)
    works.passes(300, 10.0, shows=4.5)
    assert works.running == [BYPASS]
    works.passes(300, 10.0, shows=1.5)
    assert works.running == [PUMP]
    works.passes(600, 10.0)
    assert works.running == [BYPASS]
