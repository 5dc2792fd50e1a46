"""A command that was open when the agent ended: who has it is left to do it, and what is safe is asked for again."""

from __future__ import annotations

import pytest

from edge_agent.execute.authority import MOST_EPOCH_JUMP
from edge_agent.model.desired import Desired


def restarted(make_desk, action, word):
    """An agent whose former run ended with a command that its node had been sent, or had accepted."""
    desk = make_desk()
    if action == "stop":
        desk.done("start")
        desk.at(30)
    [command] = desk.request(action)
    desk.publish(command)
    if word:
        desk.ack(command, word)
    desk = make_desk(remembered=desk.memory()).at(desk.seconds)
    desk.link(True)
    return desk


@pytest.mark.parametrize(("word", "state"), [("accepted", Desired.ACCEPTED), ("", Desired.SENT)])
def test_a_start_is_where_it_was(make_desk, word, state):
    desk = restarted(make_desk, "start", word)
    assert desk.control.state is state
    assert desk.wait(desk.seconds + 2) == []


@pytest.mark.parametrize(("word", "again"), [("accepted", []), ("", ["stop"])])
def test_a_stop_is_given_once_more_unless_its_node_has_it(make_desk, word, again):
    desk = restarted(make_desk, "stop", word)
    assert [command.action for command in desk.all.commands] == again


@pytest.mark.parametrize(
    ("above", "begun"), [(-1, False), (0, True), (1, True), (MOST_EPOCH_JUMP, True), (MOST_EPOCH_JUMP + 1, False)]
)
def test_an_epoch_is_begun_above_another_that_is_not_below_and_can_be(make_desk, above, begun):
    authority = make_desk().executor.authority
    epoch = authority.epoch
    assert authority.rise(epoch + above) is begun
    assert authority.epoch == (epoch + above + 1 if begun else epoch)
