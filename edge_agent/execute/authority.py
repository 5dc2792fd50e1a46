"""The agent's right to command: its mode, its epoch and the count of its commands within that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_agent.execute.identity import command_id
from edge_agent.execute.nodeclocks import NodeClocks
from edge_agent.model.commands import MOST_EPOCH_JUMP, Command
from edge_agent.model.time import MICROSECONDS

if TYPE_CHECKING:
    from edge_agent.model.commands import Mode, Request
    from edge_agent.model.plant import Actuator
    from edge_agent.model.time import Moment

#: A number that a node may tell in a refusal: at most as large as an epoch can be.
_NUMBER = re.compile(r"(?<!\d)\d{1,15}(?!\d)")


class Authority:
    """Makes the commands of one agent at one site, each with the next count of its epoch."""

    def __init__(self, site: str, agent: str, mode: Mode, epoch: int) -> None:
        self._site, self._agent, self._counter = site, agent, 0
        self.mode, self.epoch = mode, epoch
        self.clocks = NodeClocks()

    def __repr__(self) -> str:
        return f"<Authority of {self._agent}: {self.mode}, epoch {self.epoch}, {self._counter} commands>"

    @property
    def commands(self) -> bool:
        """Whether it commands at all: in other modes it only records what it would do."""
        return self.mode == "auto"

    def rise(self, above: int) -> bool:
        """Begin an epoch above another; return whether that was needed, and credible."""
        if not self.epoch <= above <= self.epoch + MOST_EPOCH_JUMP:
            return False
        self.epoch, self._counter = above + 1, 0
        return True

    def command(self, actuator: Actuator, request: Request, reason: str, now: Moment) -> Command:
        """Make a command."""
        self._counter += 1
        issued_at = self.clocks.date(actuator.node, now, safe=request.action == actuator.fail_safe)
        return Command(
            command_id(self._site, self._agent, self.epoch, self._counter, now.at),
            self._site,
            actuator.node,
            actuator.id,
            request.action,
            request.value,
            issued_at,
            issued_at + round(actuator.command_ttl_seconds * MICROSECONDS),
            actuator.lease_seconds,
            self.epoch,
            self._counter,
            request.plan,
            reason,
        )


def epoch_of_refusal(epoch: int, detail: str, before: int | None) -> int | None:
    """Return the epoch that a refusal of a command speaks of, `before` where of none.

    A node takes a command for one of the past by its epoch, or by its counter within that.
    """
    if "epoch" in detail:
        return max([epoch, *(int(number) for number in _NUMBER.findall(detail))])
    return max(epoch, before or 0) if "counter" in detail else before
