from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.model.alarms import AlarmKey
from edge_agent.model.inbox import Kind, Route
from edge_agent.mqtt.topics import Topics

ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
prefixes = st.lists(st.from_regex(r"[A-Za-z0-9.$ é-]{1,8}", fullmatch=True), min_size=1, max_size=3).map("/".join)
sites = st.builds(Topics, prefixes, ids, ids)
WATER = Topics("water", "riverside", "gateway-1")


@given(sites, ids, ids)
def test_what_is_written_is_read_as_the_same(topics, node, name):
    assert topics.parse(topics.telemetry(node, name)) == Route(Kind.TELEMETRY, node, name)
    assert topics.parse(topics.telemetry(node)) == Route(Kind.TELEMETRY, node)
    assert topics.parse(topics.status(node)) == Route(Kind.STATUS, node)
    assert topics.parse(topics.ack(node, name)) == Route(Kind.ACK, node, name)
    assert topics.parse(topics.state(node, name)) == Route(Kind.STATE, node, name)


@given(sites, ids, ids)
def test_what_the_agent_itself_sends_is_nothing_a_node_may_send(topics, node, name):
    own = (
        topics.command(node, name),
        topics.agent_status(),
        topics.dead_letter(),
        topics.alarm(AlarmKey(node, name, "low")),
    )
    assert {topics.parse(topic).kind for topic in own} == {Kind.UNKNOWN}


@given(sites, st.sampled_from([Kind.TELEMETRY, Kind.ACK, Kind.STATE]), ids, ids)
def test_a_route_and_its_topic_are_inverse(topics, kind, node, name):
    assert topics.parse(topics.format(Route(kind, node, name))) == Route(kind, node, name)
    for route in (Route(Kind.STATUS, node), Route(Kind.TELEMETRY, node)):
        assert topics.parse(topics.format(route)) == route


def test_an_unknown_route_has_no_topic():
    with pytest.raises(ValueError, match="no topic"):
        WATER.format(Route(Kind.UNKNOWN))


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(topic):
    assert WATER.parse(topic).kind in Kind


@pytest.mark.parametrize(
    "topic",
    [
        "water/riverside/tank1",
        "water/riverside/tank1/telemetry/",
        "water/riverside/tank1/telemetry/level/more",
        "water/riverside/tank1/status/",
        "water/riverside/tank1/status\n",
        "water/riverside/tank1/ack",
        "water/riverside/tank1/state",
        "water/riverside/tank1/command/pump1",
        "water/riverside/Tank1/status",
        "water/riverside/_agent/ack/pump1",
        "water/riverside/-tank/status",
        f"water/riverside/{'a' * 64}/status",
        "water/elsewhere/tank1/status",
        "waterXriverside/tank1/status",
        "more/water/riverside/tank1/status",
        "",
    ],
)
def test_a_topic_outside_the_grammar_is_unknown(topic):
    assert WATER.parse(topic) == Route(Kind.UNKNOWN)


def test_a_prefix_is_taken_as_text_not_as_a_pattern():
    assert Topics("w.ter", "riverside", "a").parse("water/riverside/tank1/status").kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("prefix", "site", "agent"),
    [
        ("", "riverside", "a"),
        ("/water", "riverside", "a"),
        ("water/", "riverside", "a"),
        ("water/+", "riverside", "a"),
        ("#", "riverside", "a"),
        ("water", "River", "a"),
        ("water", "riverside", ""),
        ("water", "riverside", "a/b"),
    ],
)
def test_names_that_cannot_stand_in_a_topic_are_refused(prefix, site, agent):
    with pytest.raises(ValueError, match=r"cannot begin a topic|is no id"):
        Topics(prefix, site, agent)


def test_the_topics_are_those_of_the_interface():
    assert WATER.subscriptions() == (
        "water/riverside/+/telemetry/#",
        "water/riverside/+/status",
        "water/riverside/+/ack/+",
        "water/riverside/+/state/+",
    )
    assert WATER.command("station", "pump1") == "water/riverside/station/command/pump1"
    assert WATER.agent_status() == "water/riverside/_agent/gateway-1/status"
    assert WATER.dead_letter() == "water/riverside/_agent/gateway-1/dead_letter"
    low = AlarmKey("tank1", "level", "low")
    assert WATER.alarm(low) == "water/riverside/_agent/gateway-1/alarm/tank1/level/low"


def test_a_nodes_own_alarm_has_a_place_no_sensor_can_take():
    assert WATER.alarm(AlarmKey("tank1", "", "offline")).endswith("/alarm/tank1/_node/offline")
    assert WATER.parse("water/riverside/tank1/telemetry/_node").kind is Kind.UNKNOWN


def test_a_flood_of_wrong_topics_fills_no_memory():
    topics = Topics("water", "riverside", "gateway-1")
    tracemalloc.start()
    try:
        for number in range(40_000):
            topics.parse(f"flood/{number}")
        for number in range(2_000):
            topics.parse(f"water/riverside/{number}/" + "x" * 60_000)
        assert tracemalloc.get_traced_memory()[0] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_longest_topics_that_mean_something_are_read():
    longest = Topics("w" * 256, "s" * 63, "gateway-1")
    route = longest.parse(longest.telemetry("n" * 63, "l" * 63))
    assert route == (Kind.TELEMETRY, "n" * 63, "l" * 63)


def test_topics_of_the_same_names_are_equal():
    assert Topics("water", "riverside", "gateway-1") == WATER


@pytest.mark.parametrize("name", ["tank1/level:low", "station/pump1:failed", "tank1:offline", "_agent:store_renewed"])
def test_an_alarm_comes_out_of_its_topic(name):
    key = AlarmKey.parse(name)
    assert WATER.alarm_of(WATER.alarm(key)) == key


@pytest.mark.parametrize(
    "topic",
    [
        "water/riverside/_agent/gateway-2/alarm/tank1/level/low",
        "water/riverside/_agent/gateway-1/alarm/tank1/level",
        "water/riverside/_agent/gateway-1/alarm/tank1/level/low/er",
        "water/riverside/_agent/gateway-1/alarm/tank1//low",
        "water/riverside/_agent/gateway-1/status",
    ],
)
def test_what_is_no_topic_of_an_alarm_of_this_agent_names_none(topic):
    assert WATER.alarm_of(topic) is None


def test_all_alarms_of_the_agent_have_one_filter():
    assert WATER.alarms() == "water/riverside/_agent/gateway-1/alarm/#"
