"""What `plan list` and `plan why` print."""

from __future__ import annotations

import json

import pytest
from support.plants import FILL, Bench, later, plan, plant, pump, state

from edge_agent.accounts import actuator_account, plan_accounts
from edge_agent.cli.main import main
from edge_agent.cli.plan import plan_words, why_words
from edge_agent.observe.accounted import plans_pieces, why_json

PUMP1 = "station/pump1"


class Looked:
    """A bench as the agent shows itself."""

    def __init__(self, bench, after=0.0):
        self._bench, self._now = bench, later(after, bench.now)

    def outline(self):
        return self._bench.knowledge.outline(self._now)

    def plan_accounts(self):
        return plan_accounts(self._bench.knowledge, lambda: self._now)

    def actuator_account(self, actuator):
        return actuator_account(self._bench.knowledge, actuator, self._now)


def test_an_operator_reads_why_a_pump_does_not_start_and_until_when():
    urgent = plan("urgent", "tank1/level:low", (PUMP1, "start"), priority=90)
    bench = Bench(plant(actuators=[pump(min_off_seconds=120.0)], plans=[FILL, urgent]))
    bench.turn(state("running"))
    bench.turn(state("stopped"), after=10)
    bench.level(1.2, after=10)
    lines = list(why_words(why_json(Looked(bench, after=5), PUMP1)))
    assert lines == [
        "gateway-1 at riverside, mode auto, 2026-11-22T10:00:25.000Z",
        "station/pump1 is stopped",
        "  start is requested, by urgent since 2026-11-22T10:00:20.000Z",
        "  because tank1/level (1.20 m) is below low (1.50 m)",
        "  not commanded yet",
        "  held back by min_off: stopped for 15 s of 120 s",
        "  until 2026-11-22T10:02:10.000Z at the earliest, if nothing else happens",
        "Who asks for what now",
        "  urgent (priority 90) wins: start, because tank1/level (1.20 m) is below low (1.50 m)",
        "  fill_tank1 (priority 50) loses: start, because tank1/level (1.20 m) is below low (1.50 m)",
        "Plans that may ask something of it",
        "  fill_tank1 (condition, priority 50) applies: start station/pump1",
        "    when tank1/level:low: holds",
        "    evidence: tank1/level 1.20 m, good, 5 s old; good 5 s ago (at most 300 s)",
        "  urgent (condition, priority 90) applies: start station/pump1",
        "    when tank1/level:low: holds",
        "    evidence: tank1/level 1.20 m, good, 5 s old; good 5 s ago (at most 300 s)",
    ]


def test_the_plans_are_listed_also_before_anything_was_heard():
    lines = list(plan_words(json.loads(b"".join(plans_pieces(Looked(Bench()))))))
    assert lines[1] == "fill_tank1 (condition, priority 50) does not apply"
    assert lines[-1] == "  no evidence: tank1/level has not been heard"


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 120])
def test_many_plans_come_in_pieces_that_are_one_document(count):
    plans = [plan(f"p{number}", "tank1/level:low", (PUMP1, "start")) for number in range(count)]
    bench = Bench(plant(plans=plans))
    pieces = list(plans_pieces(Looked(bench)))
    assert len(json.loads(b"".join(pieces))["plans"]) == count
    assert max(piece.count(b'"plan"') for piece in pieces) <= 50


def test_nobody_else_asks_where_a_former_request_stands():
    bench = Bench()
    bench.level(1.2)
    bench.level(3.0, after=10)
    lines = list(why_words(why_json(Looked(bench), PUMP1)))
    assert "no plan asks anything of it now: what fill_tank1 asked for last stands" in lines


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "why"], "plan why needs an actuator: expected NODE/ACTUATOR"),
        (["plan", "why", "pump1"], "pump1 is not an actuator; expected NODE/ACTUATOR"),
        (["plan", "why", "Station/pump1"], "Station/pump1: ids are lower case: did you mean station/pump1?"),
    ],
)
def test_what_is_no_actuator_is_one_sentence(arguments, told, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err.strip() == told
