from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import CommandEvent, CommandState
from edge_agent.model.quality import Flag
from edge_agent.model.readings import DeadLetter
from edge_agent.model.remembered import ActuatorView, NodeView, SensorView
from edge_agent.model.time import Moment
from edge_agent.observe.metrics import Metrics
from edge_agent.turn import Counts, Turn


def samples(metrics):
    """Every sample of a scrape: (name, sorted labels) to value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics, name, **labels):
    return samples(metrics).get((f"edge_agent_{name}", *sorted(labels.items())))


@pytest.fixture
def metrics():
    return Metrics(version="1.2.3")


@pytest.fixture
def turn(at):
    return Turn(Moment(at, 10.0))


@pytest.fixture
def scrape(metrics, make_snapshot):
    """Look at one snapshot through a scrape."""

    def look(**changes):
        snapshot = make_snapshot(**changes)
        metrics.watch(snapshot=lambda: snapshot, backlog=lambda: 17, broker_connected=lambda: True)
        return metrics

    return look


def test_a_turn_counts_messages_by_kind_duplicates_and_gaps(metrics, turn):
    turn.counts = Counts(telemetry=500, status=2, ack=3, state=4, duplicates=5, gaps=6)
    metrics.turn(turn)
    metrics.turn(turn)
    metrics.written(7)
    kinds = {kind: value(metrics, "messages_total", kind=kind) for kind in ("telemetry", "status", "ack", "state")}
    assert kinds == {"telemetry": 1000, "status": 4, "ack": 6, "state": 8}
    assert value(metrics, "duplicates_total") == 17
    assert value(metrics, "gaps_total") == 0  # not stored yet
    metrics.missed(12)
    assert value(metrics, "gaps_total") == 12


def test_a_reading_counts_once_when_its_flag_is_settled(metrics, turn, make_reading):
    spiky = make_reading(Flag.NOT_EVALUATED, settled=False)
    turn.readings = [make_reading(Flag.GOOD), make_reading(Flag.GOOD), spiky]
    metrics.turn(turn)
    assert value(metrics, "readings_total", flag="good") == 2
    assert value(metrics, "readings_total", flag="not_evaluated") == 0

    spiky.flag, spiky.settled = int(Flag.SUSPECT), True
    metrics.turn(Turn(turn.now, settled=[spiky]))
    assert value(metrics, "readings_total", flag="suspect") == 1
    assert value(metrics, "readings_total", flag="good") == 2


def test_dead_letters_count_by_reason(metrics, turn, at):
    turn.dead_letters = [DeadLetter(reason, "t", b"", at) for reason in ("value_nan", "invalid_json", "value_nan")]
    metrics.turn(turn)
    assert value(metrics, "dead_letters_total", reason="value_nan") == 2
    assert value(metrics, "dead_letters_total", reason="invalid_json") == 1


def test_alarm_events_count_by_threshold_and_event(metrics, turn, at):
    low = AlarmKey("tank1", "level", "low")
    turn.alarm_events = [
        AlarmEvent(low, AlarmEventKind.RAISED, at, 1.4, "agent", ""),
        AlarmEvent(low, AlarmEventKind.CLEARED, at, 1.8, "agent", ""),
        AlarmEvent(AlarmKey("tank2", "level", "low"), AlarmEventKind.RAISED, at, 1.4, "agent", ""),
        AlarmEvent(AlarmKey("tank1", "", "offline"), AlarmEventKind.RAISED, at, None, "agent", ""),
    ]
    metrics.turn(turn)
    assert value(metrics, "alarm_events_total", threshold="low", event="raised") == 2
    assert value(metrics, "alarm_events_total", threshold="low", event="cleared") == 1
    assert value(metrics, "alarm_events_total", threshold="offline", event="raised") == 1


def test_commands_count_by_outcome_and_not_while_they_are_open(metrics, turn, at):
    turn.command_events = [CommandEvent("id", state, at, 1, "") for state in CommandState]
    metrics.turn(turn)
    counted = {key[1][1]: found for key, found in samples(metrics).items() if key[0] == "edge_agent_commands_total"}
    assert counted == dict.fromkeys(("done", "rejected", "failed", "expired", "superseded", "advised"), 1)


def test_counters_with_known_labels_start_at_zero(metrics):
    assert value(metrics, "readings_total", flag="fail") == 0
    assert value(metrics, "commands_total", outcome="failed") == 0
    assert value(metrics, "alarm_events_total", threshold="high_high", event="raised") == 0


def test_times_fall_into_their_buckets(metrics):
    metrics.stage("plan", 0.0004)
    metrics.stage("plan", 2.0)
    metrics.reaction(0.02)
    assert value(metrics, "stage_seconds_bucket", stage="plan", le="0.00025") == 0
    assert value(metrics, "stage_seconds_bucket", stage="plan", le="0.0005") == 1
    assert value(metrics, "stage_seconds_bucket", stage="plan", le="1.0") == 1
    assert value(metrics, "stage_seconds_count", stage="plan") == 2
    assert value(metrics, "stage_seconds_count", stage="store") == 0
    assert value(metrics, "reaction_seconds_sum") == 0.02


def test_what_nobody_watches_yet_is_absent_or_zero(metrics):
    assert value(metrics, "broker_connected") == 0
    assert value(metrics, "mode") is None


def test_gauges_read_their_source_at_each_scrape(metrics, make_snapshot):
    connected = [True]
    metrics.watch(snapshot=make_snapshot, backlog=lambda: 17, broker_connected=lambda: connected[0])
    assert value(metrics, "backlog") == 17
    assert value(metrics, "broker_connected") == 1
    connected[0] = False
    assert value(metrics, "broker_connected") == 0


def test_the_store_is_asked_at_each_scrape(metrics):
    assert value(metrics, "spool_dropped_rows_total") == 0
    counts = {"failing": True, "spooled_rows": 5, "renewals": 1, "dropped_rows": 20, "refused_rows": 3}
    counts |= {"unwritable_rows": 2, "unstored_commands": 4}
    metrics.watch_store(**{name: lambda name=name: counts[name] for name in counts})
    assert value(metrics, "store_failing") == 1
    assert value(metrics, "spooled_rows") == 5
    assert value(metrics, "store_renewals_total") == 1
    assert value(metrics, "spool_dropped_rows_total") == 20
    assert value(metrics, "spool_refused_rows_total") == 3
    assert value(metrics, "store_refused_rows_total") == 2
    assert value(metrics, "unstored_commands_total") == 4
    counts["spooled_rows"] = 0
    assert value(metrics, "spooled_rows") == 0


def test_the_connection_is_asked_at_each_scrape(metrics):
    assert value(metrics, "sessions_lost_total") == 0
    metrics.watch_broker(sessions_lost=lambda: 2, unpublished=lambda: 17, oversized=lambda: 5)
    assert value(metrics, "sessions_lost_total") == 2
    assert value(metrics, "unpublished_dead_letters_total") == 17
    assert value(metrics, "oversized_publishes_total") == 5


def test_a_sensor_shows_value_flag_and_age_with_its_unit(scrape):
    metrics = scrape()
    assert value(metrics, "sensor_value", node="tank1", sensor="level", unit="m") == 3.21
    assert value(metrics, "sensor_flag", node="tank1", sensor="level") == 1
    assert value(metrics, "sensor_age_seconds", node="tank1", sensor="level") == 0.5


def test_a_sensor_without_a_reading_is_missing_and_has_no_value(scrape):
    metrics = scrape()
    assert value(metrics, "sensor_flag", node="tank1", sensor="ph") == 9
    assert value(metrics, "sensor_value", node="tank1", sensor="ph", unit="pH") is None
    assert value(metrics, "sensor_age_seconds", node="tank1", sensor="ph") is None


def test_active_alarms_count_by_priority_and_every_priority_is_there(scrape, make_alarm):
    alarms = (make_alarm(), make_alarm("t/l:low_low", priority="critical"), make_alarm("t/l:high", active=False))
    metrics = scrape(alarms=alarms)
    found = {name: value(metrics, "alarms_active", priority=name) for name in ("critical", "high", "medium", "low")}
    assert found == {"critical": 1, "high": 1, "medium": 0, "low": 0}


@pytest.mark.parametrize(
    ("state", "shown"),
    [("running", 1), ("open", 1), ("stopped", 0), ("closed", 0), ("maintenance", None), (None, None)],
)
def test_an_actuator_is_on_off_or_unknown(scrape, state, shown):
    metrics = scrape(actuators=(ActuatorView("station", "pump1", "pump", state, 0.8, None, None, None, None),))
    assert value(metrics, "actuator_state", node="station", actuator="pump1") == shown


@pytest.mark.parametrize(("breaker", "shown"), [("open", 1), ("half_open", 0), ("closed", 0)])
def test_the_breaker_of_a_node_with_actuators_is_shown(scrape, breaker, shown):
    metrics = scrape(nodes=(NodeView("tank1", True, "closed"), NodeView("station", None, breaker)))
    assert value(metrics, "breaker_open", node="station") == shown
    assert value(metrics, "breaker_open", node="tank1") is None


@pytest.mark.parametrize(("mode", "number"), [("auto", 0), ("advisory", 1), ("manual", 2)])
def test_the_mode_is_a_number(scrape, mode, number):
    assert value(scrape(mode=mode), "mode") == number


def test_the_flag_is_that_of_the_newest_judged_reading(scrape):
    metrics = scrape(sensors=(SensorView("tank1", "level", "level", "m", 3.2, 2, 0, 0.0, 4, 9.0),))
    assert value(metrics, "sensor_flag", node="tank1", sensor="level") == 4
    assert value(metrics, "sensor_value", node="tank1", sensor="level", unit="m") == 3.2


def test_labels_are_escaped_and_odd_numbers_are_readable(scrape):
    views = (
        SensorView("tank1", "a", "count", 'x"\\\n', math.inf, 1, 0, 0.0),
        SensorView("tank1", "b", "count", "µS/cm", 1e-300, 1, 0, 0.0),
    )
    metrics = scrape(sensors=views)
    assert value(metrics, "sensor_value", node="tank1", sensor="a", unit='x"\\\n') == math.inf
    assert value(metrics, "sensor_value", node="tank1", sensor="b", unit="µS/cm") == 1e-300


def test_the_version_is_told_and_no_series_about_creation(metrics):
    assert value(metrics, "build_info", version="1.2.3") == 1
    assert b"_created" not in metrics.text()


def test_two_agents_in_one_process_do_not_share_counts(metrics, turn):
    turn.counts.telemetry = 3
    metrics.turn(turn)
    assert value(Metrics(), "messages_total", kind="telemetry") == 0
