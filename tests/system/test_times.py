"""Readings of the past and of the future, as a whole agent treats them."""

from __future__ import annotations

import json
import time

import paho.mqtt.client as paho
from support.deadline import block_until

HOUR = 3600.0


def test_late_and_future_readings_are_stored_and_flagged_and_move_nothing(agent, mosquitto):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "clockless")
    client.connect("127.0.0.1", mosquitto.port)
    client.loop_start()

    def tell(value, ts, seq):
        payload = json.dumps({"value": value, "ts": ts, "seq": seq})
        client.publish("water/riverside/tank1/telemetry/level", payload, qos=1).wait_for_publish(10)

    agent.start()
    now = time.time()  # noqa: TID251 - what is late and what is not is meant in real time
    tell(3.0, now, 3)
    for seq, ts in ((1, now - HOUR), (4, now + HOUR)):  # both below the limit, had they been of now
        tell(1.0, ts, seq)
        tell(1.0, ts + 5, seq + 1)
    tell(3.0, now + 2, 6)
    block_until(lambda: len(agent.export("readings", "--node", "tank1")) == 6, timeout=15)
    flags = {reading["seq"]: (reading["flag"], reading["tests"]) for reading in agent.export("readings")}
    assert flags[4][0] == flags[5][0] == "suspect"
    assert flags[4][1]["clock"] == "suspect"
    assert "clock" not in flags[1][1]
    status = json.loads(agent.get("/status"))
    assert [sensor["value"] for sensor in status["sensors"] if sensor["sensor"] == "level"] == [3.0]
    assert [alarm for alarm in status["alarms"] if alarm["threshold"] == "low"] == []
    assert agent.export("commands") == []
    client.disconnect()
    client.loop_stop()
