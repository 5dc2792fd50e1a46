-- name: carry_epoch
UPDATE meta SET value = max(value, ?) WHERE key = 'epoch'

-- name: set_meta
INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value

-- name: forget_meta
DELETE FROM meta WHERE key = ?

-- name: get_meta
SELECT value FROM meta WHERE key = ?

-- name: insert_series
INSERT INTO series (id, node, sensor, unit) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: series_id
SELECT id FROM series WHERE node = ? AND sensor = ? AND unit = ?

-- name: all_series
SELECT id, node, sensor, unit FROM series

-- name: insert_reading
INSERT INTO readings (sensor_id, observed_at, seq, value, received_at, flag, tests) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: value_at
SELECT value FROM readings WHERE sensor_id = ? AND observed_at = ? AND seq = ?

-- name: settle_reading
UPDATE readings SET flag = ?, tests = ? WHERE sensor_id = ? AND observed_at = ? AND seq = ?

-- A reading that was there before, not yet judged, and came again: it takes the judgement, never loses one.
-- name: settle_unjudged_reading
UPDATE readings SET flag = ?, tests = ? WHERE sensor_id = ? AND observed_at = ? AND seq = ? AND flag = 2

-- name: insert_dead_letter
INSERT INTO dead_letters (received_at, reason, topic, payload, digest, ordinal) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: insert_delivery
INSERT OR REPLACE INTO deliveries (packet, digest) VALUES (?, ?)

-- name: forget_deliveries
DELETE FROM deliveries WHERE ordinal <= (SELECT max(ordinal) FROM deliveries) - ?

-- name: insert_alarm_event
INSERT INTO alarm_events (node, sensor, threshold, event, at, value, by, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: put_alarm
INSERT OR REPLACE INTO alarms
  (node, sensor, threshold, priority, active, acknowledged, since, reason, value, limit_value, unit, shelved_until,
   evidence)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: rest_alarm
DELETE FROM alarms WHERE node = ? AND sensor = ? AND threshold = ?

-- name: put_switch_point
INSERT OR REPLACE INTO alarms
  (node, sensor, threshold, priority, active, acknowledged, since, reason, value, limit_value, unit, shelved_until,
   evidence, annunciated)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)

-- name: rest_switch_point
DELETE FROM alarms WHERE node = ? AND sensor = ? AND threshold = ? AND NOT annunciated

-- name: insert_decision
INSERT INTO decisions (at, actuator, action, value, plan, verdict, reason, alarms, checks, command_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: insert_command
INSERT INTO commands
  (id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING

-- name: insert_command_event
INSERT INTO command_events (command_id, state, at, attempts, detail) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- An outcome stands, and an accepted command does not go back to published.
-- name: advance_command
UPDATE commands
SET state = CASE WHEN state = 'accepted' AND :state IN ('decided', 'published') THEN state ELSE :state END,
    attempts = max(attempts, :attempts),
    closed_at = :closed_at
WHERE id = :id AND state IN ('decided', 'published', 'accepted')

-- name: put_memory
INSERT OR REPLACE INTO memories (kind, name, body) VALUES (?, ?, ?)

-- name: put_sequence
INSERT OR REPLACE INTO memories (kind, name, body) VALUES ('sequence', ?, ?)

-- name: rest_sequence
DELETE FROM memories WHERE kind = 'sequence' AND name = ?

-- name: remembered_sequences
SELECT name, body FROM memories WHERE kind = 'sequence' ORDER BY name

-- name: open_commands
SELECT id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason,
       state, attempts, closed_at
FROM commands WHERE state IN ('decided', 'published', 'accepted') ORDER BY epoch, counter

-- name: remembered_alarms
SELECT node, sensor, threshold, priority, active, acknowledged, since, reason, value, limit_value, unit, shelved_until,
       evidence, annunciated
FROM alarms ORDER BY since, node, sensor, threshold

-- name: remembered_memories
SELECT name, body FROM memories WHERE kind = ? ORDER BY name

-- name: remembered_deliveries
SELECT packet, digest FROM deliveries ORDER BY ordinal

-- Not those in a unit the plant file has given up: their values would be taken for the new unit's.
-- name: remembered_series
SELECT s.id, s.node, s.sensor FROM series s
LEFT JOIN sensors d
  ON d.site = (SELECT value FROM meta WHERE key = 'site') AND d.node = s.node AND d.sensor = s.sensor
WHERE d.unit IS NULL OR d.unit = s.unit
ORDER BY s.node, s.sensor, s.id

-- Not those from more than a minute after their receipt: they would stay the latest for ever.
-- name: latest_readings
SELECT sensor_id, value, observed_at, received_at, nullif(seq, -1), flag, tests FROM readings
WHERE observed_at <= received_at + 60000000
ORDER BY observed_at DESC, sensor_id DESC, seq DESC LIMIT ?
