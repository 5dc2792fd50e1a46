"""The changes that mutation testing makes: each is one, each can be taken back, and what does not run is left alone."""

from __future__ import annotations

import ast

from mutants.__main__ import sample, summary
from mutants.changes import changes
from mutants.judged import EQUIVALENT
from mutants.reach import Reach, enclosing, importing
from mutants.reaching import named
from mutants.trial import Mutant, Verdict

SOURCE = '''"""A module."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from x import Y

LIMIT: Y = 3

def late(at: int = 0, *, wide: bool = True) -> bool:
    """Return whether it is late: 1 < 2."""
    note(f"{at + 1} of {LIMIT}")  # ü
    return at + 1 >= LIMIT and not wide
'''


def texts(source):
    return {(change.line, str(change)) for change in changes(source)}


def test_each_change_is_a_module_that_differs_in_its_place():
    assert len(changes(SOURCE)) >= 8
    for change in changes(SOURCE):
        changed = change.apply(SOURCE).encode()
        ast.parse(changed)
        end = change.start + len(change.after.encode())
        assert changed[change.start : end].decode() == change.after != change.before
        assert changed[: change.start] + change.before.encode() + changed[end:] == SOURCE.encode()


def test_comparisons_operators_constants_and_conditions_are_changed():
    found = texts(SOURCE)
    assert (12, "at + 1 >= LIMIT  ->  (at + 1 > LIMIT)") in found
    assert (12, "at + 1  ->  (at - 1)") in found
    assert (12, "not wide  ->  (wide)") in found
    assert (12, "at + 1 >= LIMIT and not wide  ->  (at + 1 >= LIMIT or not wide)") in found
    assert (7, "3  ->  (4)") in found
    assert (9, "True  ->  (False)") in found


def test_a_call_is_left_out():
    assert any(change.after == "pass" and change.before.startswith("note(") for change in changes(SOURCE))


def test_a_condition_is_turned_round():
    assert texts("if a:\n    b = 1\n") >= {(1, "a  ->  (not (a))")}


def test_documentation_annotations_and_texts_are_left_alone():
    assert {line for line, _ in texts(SOURCE)} == {7, 9, 11, 12}
    assert not any("f'" in text or "1 < 2" in text for _, text in texts(SOURCE))


def test_the_share_of_killed_changes_counts_those_that_were_tried():
    mutant = Mutant("edge_agent/turn.py", changes(SOURCE)[0])
    verdicts = [Verdict(mutant, killed) for killed in (True, True, False, True)]
    assert summary(verdicts, 9) == "4 of 9 changes tried, 3 killed (75.0 %)"


def test_a_sample_is_the_same_for_its_seed_and_holds_no_change_that_was_judged():
    some = sample(20, 3, "monitor/")
    assert some == sample(20, 3, "monitor/") != sample(20, 4, "monitor/")
    assert all(mutant.module.startswith("edge_agent/monitor/") for mutant in some)
    judged = {(one.module, one.change) for one in EQUIVALENT}
    every = [(mutant.module, str(mutant.change)) for mutant in sample(0, 1, "monitor/")]
    assert len(every) > 500
    assert (
        "edge_agent/monitor/tests/flat_line.py",
        "highs[-1].value <= value  ->  (highs[-1].value < value)",
    ) in judged - set(every)


TWO = """
LIMIT = 3

class Pump:
    def run(self):
        def turn():
            return LIMIT
        return turn()

def stop():
    return 0
"""
NOTES = {
    "tests/a.py::slow": (2.0, ["edge_agent/two.py:Pump.run"]),
    "tests/a.py::fast": (0.1, ["edge_agent/two.py:Pump.run", "edge_agent/three.py:f"]),
    "tests/b.py::other": (0.5, ["edge_agent/two.py:stop"]),
    "tests/b.py::user": (0.7, ["edge_agent/three.py:f"]),
}


def test_a_line_belongs_to_the_outermost_function_around_it():
    assert [enclosing(TWO, line) for line in (2, 5, 7, 8, 11)] == [None, "Pump.run", "Pump.run", "Pump.run", "stop"]
    assert named("/x/edge_agent/two.py", "Pump.run.<locals>.turn") == "edge_agent/two.py:Pump.run"
    assert named("/x/other/two.py", "stop") is None


def test_a_change_is_shown_to_the_tests_that_call_its_function_the_shortest_first():
    shown = Reach(NOTES).tests("edge_agent/two.py", TWO, 7, ["edge_agent/three.py"])
    assert [test.name for test in shown] == ["tests/a.py::fast", "tests/a.py::slow"]


def test_a_change_outside_of_functions_is_shown_to_the_tests_of_the_module_and_of_its_users():
    sources = {"edge_agent/two.py": TWO, "edge_agent/three.py": "from edge_agent.two import LIMIT\n"}
    assert importing("edge_agent/two.py", sources) == ["edge_agent/three.py"]
    shown = Reach(NOTES).tests("edge_agent/two.py", TWO, 2, ["edge_agent/three.py"])
    assert [test.name.partition("::")[2] for test in shown] == ["fast", "other", "user", "slow"]


def test_a_change_that_no_test_is_known_to_reach_is_shown_to_all():
    assert len(Reach(NOTES).tests("edge_agent/four.py", TWO, 11, [])) == len(NOTES)
