from __future__ import annotations

from edge_agent.execute.runtally import RunTally


def test_it_counts_changes_to_on_and_the_time_until_off():
    tally = RunTally()
    for seconds, on in ((10, False), (20, True), (25, True), (50, False), (60, True)):
        tally.report(on=on, seconds=seconds)
    assert tally.starts == 2
    assert tally.run_seconds(75) == 30 + 15


def test_a_first_report_of_running_is_no_start_but_running():
    tally = RunTally()
    tally.report(on=True, seconds=100)
    assert tally.starts == 0
    assert tally.run_seconds(110) == 10


def test_a_word_of_the_node_s_own_counts_nothing_and_ends_nothing_twice():
    tally = RunTally()
    tally.report(on=True, seconds=0)
    tally.report(on=None, seconds=10)
    assert tally.run_seconds(50) == 10
    tally.report(on=True, seconds=60)
    assert tally.starts == 0
    assert tally.run_seconds(70) == 20


def test_before_the_first_report_it_is_nothing():
    assert RunTally().run_seconds(1_000) == 0


def test_what_former_runs_counted_is_added_to_what_this_one_counts():
    tally = RunTally()
    assert (tally.all_starts, tally.all_run_seconds(1_000)) == (0, 0)
    tally.recall(7, 3600.0)
    tally.report(on=False, seconds=10)
    tally.report(on=True, seconds=20)
    assert (tally.all_starts, tally.all_run_seconds(50)) == (8, 3630.0)
    assert (tally.starts, tally.run_seconds(50)) == (1, 30.0)
