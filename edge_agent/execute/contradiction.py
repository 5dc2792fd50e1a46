"""Equipment that does otherwise than requested: since when, how often it was commanded again, and whether by a hand."""

from __future__ import annotations

from enum import Enum

from edge_agent.model.agenda import NEVER


class Cause(Enum):
    """Why the equipment does otherwise."""

    UNKNOWN = "unknown"
    HAND = "hand"  # a person made it leave the fail-safe action


class Proof(Enum):
    """Whether the equipment has ever done what the command for the request asks."""

    AWAITED = "awaited"
    GIVEN = "given"


class Contradiction:
    """What the reports of one actuator say against its request, in monotonic seconds."""

    def __init__(self) -> None:
        self.since: float | None = None
        self.restored = 0  # how often a contradicted request was commanded again
        self.proof = Proof.AWAITED
        self._cause = Cause.UNKNOWN

    def __repr__(self) -> str:
        return f"<Contradiction since {self.since}, restored {self.restored} times, proof {self.proof.value}>"

    def begin_anew(self) -> None:
        """Note that another thing is requested."""
        self.since, self.restored, self._cause = None, 0, Cause.UNKNOWN

    def command(self) -> None:
        """Note that a command for the request is given: it is to be proven again."""
        self.proof = Proof.AWAITED

    def prove(self) -> None:
        """Note that the equipment does what is requested."""
        self.begin_anew()
        self.proof = Proof.GIVEN

    def by_hand(self) -> None:
        """Note that a person made the equipment leave what is requested."""
        self.restored, self._cause = 0, Cause.HAND

    def left_to_the_hand(self) -> bool:
        """Whether a person runs it, and the fail-safe action was commanded once more: from there on it is an alarm."""
        return self._cause is Cause.HAND and self.restored > 0

    def lasting_seconds(self, patience_seconds: float) -> float:
        """Return from when on it has lasted for longer than a report may take."""
        if self.since is None:
            return NEVER
        return self.since if self.restored > 0 or self.proof is Proof.AWAITED else self.since + patience_seconds
