"""What a plan or an actuator can say for itself, at the moment it is asked: for `plan list` and `plan why`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from edge_agent.model.time import Instant

#: The check that a decision has one of for each reading behind it.
READING = "reading"


class EvidenceNow(NamedTuple):
    """What is known of one thing that a plan looks at: a sensor (`node/sensor`), or a node.

    `flag` and `age_seconds` are of its newest reading, or its last word; `good_seconds` is how long ago it was good,
    None: never in this run, or not known of a node. `within_seconds` is how old that may be, None: any age.
    """

    name: str
    value: float | None
    unit: str
    flag: str
    age_seconds: float | None
    good_seconds: float | None
    within_seconds: float | None

    @property
    def enough(self) -> bool:
        """Whether it is evidence now."""
        if self.within_seconds is None:
            return self.flag != "missing"
        return self.good_seconds is not None and self.good_seconds <= self.within_seconds


class PlanAccount(NamedTuple):
    """One plan now: whether it applies, why or why not in sentences, what it asks for, and its evidence.

    `ground` says what its requests stand on (see plan.planstate).
    """

    plan: str
    kind: str
    priority: int
    applies: bool
    asks: tuple[str, ...]
    why: tuple[str, ...]
    ground: str
    evidence: tuple[EvidenceNow, ...]


class Rival(NamedTuple):
    """What a plan asks of one actuator now, and whether it is the strongest."""

    plan: str
    priority: int
    action: str
    value: float | None
    wins: bool
    reason: str


class Hindrance(NamedTuple):
    """What keeps a request from being carried out now."""

    what: str
    detail: str


class ActuatorAccount(NamedTuple):
    """One actuator now: what it does, what stands for it and why, what hinders that, who asks for what.

    `until` is when at the earliest that may be over, where time alone ends it. `progress` says how far the request has
    come (see model.desired), `since` when it came to stand. `interlock`: what stops it, above every plan.
    """

    actuator: str
    kind: str
    fail_safe: str
    state: str | None
    value: float | None
    action: str | None
    action_value: float | None
    plan: str | None
    reason: str
    since: Instant | None
    progress: str
    hindrances: tuple[Hindrance, ...]
    until: Instant | None
    requests: tuple[Rival, ...]
    plans: tuple[PlanAccount, ...]
    interlock: str | None = None
