from __future__ import annotations

import math
import re
from itertools import groupby

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge_agent.analyze import conditions
from edge_agent.model.alarms import AlarmEvent, AlarmEventKind, AlarmKey
from edge_agent.model.commands import CommandEvent, CommandState
from edge_agent.model.plant import BAD_QUALITY, CLASSIC_NAMES, OFFLINE, STALE, STORE_RENEWED, Threshold
from edge_agent.model.quality import Flag
from edge_agent.model.readings import REASONS, DeadLetter
from edge_agent.model.remembered import ActuatorView, NodeView, SensorView
from edge_agent.model.time import Moment
from edge_agent.model.turn import Counts, Turn
from edge_agent.observe.metrics import Metrics


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
def scrape(metrics, make_snapshot, show_plant):
    """Look at one snapshot through a scrape."""

    def look(thresholds=None, **changes):
        snapshot = make_snapshot(**changes)
        shown = show_plant(snapshot) if thresholds is None else show_plant(snapshot, thresholds)
        metrics.watch(plant=shown, backlog=lambda: 17, broker_connected=lambda: True)
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


def test_every_reason_of_a_dead_letter_is_at_zero_before_the_first(metrics):
    found = {key[1][1] for key in samples(metrics) if key[0] == "edge_agent_dead_letters_total"}
    assert found == set(REASONS)
    assert value(metrics, "dead_letters_total", reason="invalid_json") == 0


def test_every_alarm_that_there_can_be_is_at_zero_before_the_first(metrics):
    found = {dict(key[1:])["threshold"] for key in samples(metrics) if key[0] == "edge_agent_alarm_events_total"}
    assert found >= {*CLASSIC_NAMES, STALE, BAD_QUALITY, OFFLINE, STORE_RENEWED}
    assert found >= set(conditions._OVER)  # those of actuators and of the agent
    assert value(metrics, "alarm_events_total", threshold="locked_out", event="raised") == 0


def test_no_series_waits_for_what_cannot_happen(metrics):
    flags = {dict(key[1:])["flag"] for key in samples(metrics) if key[0] == "edge_agent_readings_total"}
    events = {dict(key[1:])["event"] for key in samples(metrics) if key[0] == "edge_agent_alarm_events_total"}
    assert flags == {"good", "not_evaluated", "suspect", "fail"}
    assert events == {"raised", "cleared", "chattering"}


def test_every_labelled_counter_has_its_series_before_anything_happens(metrics):
    families = text_string_to_metric_families(metrics.text().decode())
    counters = {family.name: family.samples for family in families if family.type == "counter"}
    assert len(counters) > 15
    assert [name for name, found in counters.items() if not found] == []


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


def test_gauges_read_their_source_at_each_scrape(metrics, make_snapshot, show_plant):
    connected = [True]
    metrics.watch(plant=show_plant(make_snapshot()), backlog=lambda: 17, broker_connected=lambda: connected[0])
    assert value(metrics, "backlog") == 17
    assert value(metrics, "broker_connected") == 1
    connected[0] = False
    assert value(metrics, "broker_connected") == 0


def test_the_store_is_asked_at_each_scrape(metrics):
    assert value(metrics, "spool_dropped_rows_total") == 0
    counts = {"failing": True, "spooled_rows": 5, "renewals": 1, "dropped_rows": 20, "refused_rows": 3}
    counts |= {"unwritable_rows": 2, "dropped_letters": 8, "log_bytes": 9, "unreadable_rows": 6, "unstored_commands": 4}
    metrics.watch_store(**{name: lambda name=name: counts[name] for name in counts})
    assert value(metrics, "store_failing") == 1
    assert value(metrics, "spooled_rows") == 5
    assert value(metrics, "store_renewals_total") == 1
    assert value(metrics, "spool_dropped_rows_total") == 20
    assert value(metrics, "spool_refused_rows_total") == 3
    assert value(metrics, "store_refused_rows_total") == 2
    assert value(metrics, "store_unreadable_rows_total") == 6
    assert value(metrics, "store_dropped_dead_letters_total") == 8
    assert value(metrics, "store_log_bytes") == 9
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


def test_each_limit_is_shown_with_its_value(scrape):
    metrics = scrape()
    assert value(metrics, "threshold_limit", node="tank1", sensor="level", threshold="low") == 1.5
    assert value(metrics, "threshold_limit", node="tank1", sensor="level", threshold="high") == 5.2


def test_the_alarm_of_each_limit_is_named_whether_active_or_not(scrape, make_alarm):
    metrics = scrape(
        alarms=(make_alarm("tank1/level:low", priority="low"), make_alarm("tank1/level:high", active=False))
    )
    place = {"node": "tank1", "sensor": "level"}
    assert value(metrics, "alarm_active", threshold="low", priority="high", **place) == 1
    assert value(metrics, "alarm_active", threshold="low", priority="low", **place) is None  # as it is set now
    assert value(metrics, "alarm_active", threshold="high", priority="medium", **place) == 0


def test_a_switch_point_has_its_limit_and_is_no_alarm(metrics, scrape, turn, at):
    fill_on = Threshold("tank1", "level", "fill_on", 2.5, side="below", annunciated=False)
    bursting = Threshold("tank1", "level", "bursting", -0.6, side="below", measure="rate_per_hour")
    scrape(thresholds=(fill_on, bursting))
    place = {"node": "tank1", "sensor": "level"}
    assert value(metrics, "threshold_limit", threshold="fill_on", **place) == 2.5
    assert value(metrics, "alarm_active", threshold="fill_on", priority="medium", **place) is None
    assert value(metrics, "alarm_active", threshold="bursting", priority="medium", **place) == 0
    assert value(metrics, "alarm_events_total", threshold="bursting", event="raised") == 0
    key = AlarmKey("tank1", "level", "fill_on")
    turn.alarm_events = [AlarmEvent(key, kind, at, 2.4, "agent", "") for kind in ("on", "off", "unsteady")]
    metrics.turn(turn)
    assert not [key for key in samples(metrics) if key[0] == "edge_agent_alarm_events_total" and "fill_on" in str(key)]


def test_alarms_of_nodes_equipment_and_the_agent_are_named_while_they_stand(scrape, make_alarm):
    names = ("tank1:offline", "station/pump1:locked_out", "_agent:policy_refused")
    metrics = scrape(alarms=(*map(make_alarm, names), make_alarm("tank2:offline", active=False)))
    labels = {"priority": "high"}
    assert value(metrics, "alarm_active", node="tank1", sensor="", threshold="offline", **labels) == 1
    assert value(metrics, "alarm_active", node="station", sensor="pump1", threshold="locked_out", **labels) == 1
    assert value(metrics, "alarm_active", node="_agent", sensor="", threshold="policy_refused", **labels) == 1
    assert value(metrics, "alarm_active", node="tank2", sensor="", threshold="offline", **labels) == 0
    assert len([key for key in samples(metrics) if key[0] == "edge_agent_alarm_active"]) == 6


def pump(**changes):
    view = ActuatorView("station", "pump1", "pump", "running", 0.8, "start", None, "fill_tank1", None)
    return (view._replace(**changes),)


@pytest.mark.parametrize(
    ("desired", "number", "shown_as"),
    [("start", None, 1), ("open", None, 1), ("set", 0.5, 1), ("set", 0.0, 0), ("stop", None, 0), (None, None, None)],
)
def test_what_is_requested_of_equipment_is_on_off_or_nothing(scrape, desired, number, shown_as):
    metrics = scrape(actuators=pump(desired=desired, desired_value=number))
    assert value(metrics, "actuator_desired", node="station", actuator="pump1") == shown_as


def test_equipment_shows_whether_it_can_be_had_and_how_much_it_ran(scrape):
    metrics = scrape(actuators=pump(available=False, starts=3, run_seconds=7200.5))
    place = {"node": "station", "actuator": "pump1"}
    assert value(metrics, "actuator_available", **place) == 0
    assert value(metrics, "actuator_starts_total", **place) == 3
    assert value(metrics, "actuator_run_seconds_total", **place) == 7200.5


def test_each_plan_shows_whether_it_applies(scrape):
    metrics = scrape()
    assert value(metrics, "plan_applies", plan="fill_tank1") == 1
    assert value(metrics, "plan_applies", plan="stop_tank1") == 0


def test_each_family_stands_together_though_it_is_written_in_pieces(scrape, make_alarm):
    metrics = scrape(alarms=(make_alarm(), make_alarm("tank1:offline")))
    names = [line.split("{")[0].split(" ")[0] for line in metrics.text().decode().splitlines() if line[0] != "#"]
    runs = [name for name, _ in groupby(re.sub("_(bucket|sum|count)$", "", name) for name in names)]
    assert len(runs) == len(set(runs))
    assert b"".join(metrics.pieces()).count(b"# TYPE edge_agent_sensor_flag ") == 1


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


def test_a_sensor_that_is_no_longer_part_of_the_plant_is_forgotten(metrics, make_snapshot, show_plant):
    snapshot = make_snapshot()
    metrics.watch(plant=show_plant(snapshot), backlog=int, broker_connected=bool)
    metrics.text()
    metrics.watch(plant=show_plant(make_snapshot(sensors=snapshot.sensors[:1])), backlog=int, broker_connected=bool)
    assert b'sensor="ph"' not in metrics.text()
    assert list(metrics._plant._series) == [("tank1", "level", "m")]


def test_the_version_is_told_and_no_series_about_creation(metrics):
    assert value(metrics, "build_info", version="1.2.3") == 1
    assert b"_created" not in metrics.text()


def test_two_agents_in_one_process_do_not_share_counts(metrics, turn):
    turn.counts.telemetry = 3
    metrics.turn(turn)
    assert value(Metrics(), "messages_total", kind="telemetry") == 0
