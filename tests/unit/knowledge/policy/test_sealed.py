"""What a gateway believes of a text with the right seal: only what the bounds of the utility's tables allow."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from edge_agent.knowledge.policy.sealed import UnsoundError, sealed, unsealed
from edge_agent.model.plant import Fallback, Plan, Policy, Step, Threshold
from edge_agent.ports.policy import Edition, Issue

KEY = b"k" * 32
LOW = Threshold("tank1", "level", "low", 1.5, 0.2, 10.0, 20.0, "critical")
FILL = Plan(
    "fill",
    ("tank1/level:low",),
    (Step("station/pump1", "set", 0.5),),
    ("station/suction:low_low",),
    60,
    12.5,
    without_evidence=(
        Fallback(run_seconds=60.0, every_seconds=900.0, at_most_seconds=3600.0),
        Fallback(do="fail_safe"),
    ),
    trip=True,
)
ISSUE = Issue(Edition(3, "1 2"), Policy((LOW,), (FILL,)), "digest", KEY)
MISSING = object()


def changed(place, value):
    """Change one member of the text, and seal it again with the right key."""
    content = json.loads(sealed("riverside", ISSUE).partition(b"\n")[2])
    *way, last = place
    inner = content
    for step in way:
        inner = inner[step]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    text = json.dumps(content).encode()
    return hmac.new(KEY, text, hashlib.sha256).hexdigest().encode() + b"\n" + text


def test_a_policy_comes_back_whole():
    assert unsealed(sealed("riverside", ISSUE), "riverside", KEY) == ISSUE
    assert unsealed(changed(("revision",), 4), "riverside", KEY).edition == Edition(4, "1 2")


THRESHOLD, PLAN = ("thresholds", 0), ("plans", 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("format",), 2),
        (("site",), "hillside"),
        (("revision",), 0),
        (("extra",), 1),
        (("plans",), None),
        ((*THRESHOLD, "deadband"), MISSING),
        ((*THRESHOLD, "deadband"), -0.1),
        ((*THRESHOLD, "extra"), 1),
        ((*THRESHOLD, "limit"), "1.5"),
        ((*THRESHOLD, "limit"), 1e308),
        ((*THRESHOLD, "limit"), float("inf")),
        ((*THRESHOLD, "name"), "high"),
        ((*THRESHOLD, "side"), "beside"),
        ((*THRESHOLD, "annunciated"), 0),
        ((*THRESHOLD, "priority"), "none"),
        ((*THRESHOLD, "on_delay_seconds"), -1.0),
        ((*THRESHOLD, "off_delay_seconds"), 1e10),
        ((*PLAN, "latch"), MISSING),
        ((*PLAN, "latch"), 1),
        ((*PLAN, "priority"), 101),
        ((*PLAN, "cooldown_seconds"), -1.0),
        ((*PLAN, "evidence_seconds"), None),
        ((*PLAN, "when"), "tank1/level:low"),
        ((*PLAN, "do", 0, "value"), "half"),
        ((*PLAN, "do", 0, "value"), MISSING),
        ((*PLAN, "do", 0, "extra"), 1),
        ((*PLAN, "without_evidence", 0, "run_seconds"), -60.0),
        ((*PLAN, "without_evidence", 1, "do"), "start"),
        ((*PLAN, "without_evidence", 1, "use"), MISSING),
    ],
)
def test_what_the_tables_would_not_hold_is_not_believed(place, value):
    with pytest.raises(UnsoundError):
        unsealed(changed(place, value), "riverside", KEY)
