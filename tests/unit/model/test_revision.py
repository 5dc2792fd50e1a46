from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.plant import CLASSIC_NAMES, Plan, Policy, Step, Threshold
from edge_agent.model.revision import by_sensor, revisions

FILL = Plan("fill", ("tank1/level:low",), (Step("station/pump1", "start"),))


def limits(number, limit=1.0):
    return tuple(Threshold("tank", f"s{each:02}", "low", limit) for each in range(number))


def followed(before, parts):
    """What is in force when the parts have followed each other."""
    found, plans = by_sensor(before.thresholds), before.plans
    for part in parts:
        found |= part.limits
        plans = plans if part.plans is None else part.plans
    return {name: those for name, those in found.items() if those}, plans


thresholds = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(CLASSIC_NAMES)), st.sampled_from([1.0, 2.0])
).map(lambda found: tuple(Threshold("tank", *key, found[key]) for key in sorted(found)))
policies = st.builds(Policy, thresholds, st.sampled_from([(), (FILL,)]))


@given(policies, policies, st.integers(1, 3))
def test_the_parts_make_the_one_policy_of_the_other(before, after, most):
    parts = revisions(before, after, most)
    assert followed(before, parts) == (by_sensor(after.thresholds), after.plans)
    assert all(len(part.limits) <= most for part in parts)
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False] * bool(parts)


def test_what_stays_is_in_no_part():
    before, after = limits(20), (*limits(19), Threshold("tank", "s19", "low", 2.0))
    (part,) = revisions(Policy(before, (FILL,)), Policy(after, (FILL,)))
    assert (dict(part.limits), part.plans) == ({"tank/s19": after[-1:]}, None)


def test_a_policy_that_says_the_same_has_no_parts():
    assert revisions(Policy(limits(3), (FILL,)), Policy(limits(3), (FILL,))) == []


def test_plans_come_with_the_last_of_the_limits():
    parts = revisions(Policy(limits(5)), Policy(limits(5, 2.0), (FILL,)), most_sensors=2)
    assert [part.plans for part in parts] == [None, None, (FILL,)]
