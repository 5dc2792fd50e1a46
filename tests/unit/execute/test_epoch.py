"""The epoch of the agent's commands, and what a node's refusal of it is good for."""

from __future__ import annotations

import pytest

from edge_agent.model.commands import MOST_EPOCH_JUMP
from edge_agent.model.inbox import EpochReport


@pytest.mark.parametrize(
    ("detail", "named"),
    [
        ("epoch 7 is over, 9 has begun", 9),
        ("old epoch", 7),  # the desk's own
        ("Epoch 12 expected", 12),
        ("epoch 3", 7),
        ("epoch " + "9" * 40, 7),
    ],
)
def test_a_node_that_refuses_the_epoch_is_heard(desk, detail, named):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "rejected", detail)
    assert desk.refused == named
    assert desk.executor.epoch == 7  # whether another agent has control is not known here


def test_other_refusals_and_other_commands_tell_nothing_of_the_epoch(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "rejected", "expired")
    desk.ack(command, "rejected", "epoch 7 is over, 9 has begun")  # it has ended
    assert desk.refused is None


def test_a_raised_epoch_counts_anew_and_asks_at_once_for_what_was_refused(desk):
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "rejected", "epoch 7 is over, 9 has begun")
    assert desk.tick() == []
    assert desk.act(epochs=[EpochReport(9, "")]).epoch == 10
    [again] = desk.tick()
    assert (again.epoch, again.counter) == (10, 1)


@pytest.mark.parametrize("above", [6, 7 + MOST_EPOCH_JUMP + 1])
def test_an_epoch_that_is_over_or_cannot_be_is_not_raised_above(desk, above):
    assert desk.act(epochs=[EpochReport(above, "")]).epoch is None
    assert desk.executor.epoch == 7


def test_a_counter_that_is_over_is_answered_with_a_new_epoch(desk):
    """Somebody has commanded under this epoch: each counter of it might be refused, for ever."""
    [command] = desk.request("start")
    desk.publish(command)
    desk.ack(command, "rejected", "counter 1 comes after 4611686018427387904")
    assert desk.refused == 7
