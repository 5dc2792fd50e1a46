-- name: policy_version
SELECT group_concat(value) FROM (SELECT value FROM meta WHERE key IN ('policy_revision', 'site') ORDER BY key)

-- name: nodes
SELECT node, timestamps, status, label FROM nodes WHERE site = ?

-- name: sensors
SELECT node, sensor, quantity, unit, interval_seconds, quality, source, derived, label FROM sensors WHERE site = ?

-- name: actuators
SELECT node, actuator, kind, fail_safe, min_on_seconds, min_off_seconds, max_starts_per_hour, lease_seconds,
       ack_timeout_seconds, command_ttl_seconds, hand, unexpected_retries, lock_out_after, power_return_seconds,
       wiring, expect, rated_kw, ramp_seconds, label
FROM actuators WHERE site = ?

-- name: thresholds
SELECT node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, measure, parameters,
       side, alarm
FROM thresholds WHERE site = ?

-- name: plans
SELECT plan, when_alarms, steps, unless_alarms, priority, cooldown_seconds, evidence_seconds, without_evidence, trip,
       latch, kind, parameters
FROM plans WHERE site = ?

-- name: provisions
SELECT kind, provision, parameters FROM provisions WHERE site = ?

-- name: put_node
INSERT INTO nodes (site, node, timestamps, status, label) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (site, node) DO UPDATE SET
  timestamps = excluded.timestamps, status = excluded.status, label = excluded.label

-- name: put_sensor
INSERT INTO sensors (site, node, sensor, quantity, unit, interval_seconds, quality, source, derived, label)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, node, sensor) DO UPDATE SET
  quantity = excluded.quantity, unit = excluded.unit, interval_seconds = excluded.interval_seconds,
  quality = excluded.quality, source = excluded.source, derived = excluded.derived, label = excluded.label

-- name: put_actuator
INSERT INTO actuators
  (site, node, actuator, kind, fail_safe, min_on_seconds, min_off_seconds, max_starts_per_hour, lease_seconds,
   ack_timeout_seconds, command_ttl_seconds, hand, unexpected_retries, lock_out_after, power_return_seconds,
   wiring, expect, rated_kw, ramp_seconds, label)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, node, actuator) DO UPDATE SET
  kind = excluded.kind, fail_safe = excluded.fail_safe, min_on_seconds = excluded.min_on_seconds,
  min_off_seconds = excluded.min_off_seconds, max_starts_per_hour = excluded.max_starts_per_hour,
  lease_seconds = excluded.lease_seconds, ack_timeout_seconds = excluded.ack_timeout_seconds,
  command_ttl_seconds = excluded.command_ttl_seconds, hand = excluded.hand,
  unexpected_retries = excluded.unexpected_retries, lock_out_after = excluded.lock_out_after,
  power_return_seconds = excluded.power_return_seconds, wiring = excluded.wiring,
  expect = excluded.expect, rated_kw = excluded.rated_kw, ramp_seconds = excluded.ramp_seconds, label = excluded.label

-- name: put_threshold
INSERT INTO thresholds
  (site, node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, measure, parameters,
   side, alarm)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, node, sensor, name) DO UPDATE SET
  limit_value = excluded.limit_value, deadband = excluded.deadband, on_delay_seconds = excluded.on_delay_seconds,
  off_delay_seconds = excluded.off_delay_seconds, priority = excluded.priority, measure = excluded.measure,
  parameters = excluded.parameters, side = excluded.side, alarm = excluded.alarm

-- name: put_plan
INSERT INTO plans
  (site, plan, when_alarms, steps, unless_alarms, priority, cooldown_seconds, evidence_seconds, without_evidence, trip,
   latch, kind, parameters)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (site, plan) DO UPDATE SET
  when_alarms = excluded.when_alarms, steps = excluded.steps, unless_alarms = excluded.unless_alarms,
  priority = excluded.priority, cooldown_seconds = excluded.cooldown_seconds,
  evidence_seconds = excluded.evidence_seconds, without_evidence = excluded.without_evidence, trip = excluded.trip,
  latch = excluded.latch, kind = excluded.kind, parameters = excluded.parameters

-- name: put_provision
INSERT INTO provisions (site, kind, provision, parameters) VALUES (?, ?, ?, ?)
ON CONFLICT (site, kind, provision) DO UPDATE SET parameters = excluded.parameters

-- name: remove_node
DELETE FROM nodes WHERE site = ? AND node = ?

-- name: remove_sensor
DELETE FROM sensors WHERE site = ? AND node = ? AND sensor = ?

-- name: remove_actuator
DELETE FROM actuators WHERE site = ? AND node = ? AND actuator = ?

-- name: remove_threshold
DELETE FROM thresholds WHERE site = ? AND node = ? AND sensor = ? AND name = ?

-- name: remove_plan
DELETE FROM plans WHERE site = ? AND plan = ?

-- name: remove_provision
DELETE FROM provisions WHERE site = ? AND kind = ? AND provision = ?

-- name: ask_operation
INSERT INTO operations (operation, target, by, reason) VALUES (?, ?, ?, ?)

-- name: asked_operations
SELECT id, operation, target, by, reason FROM operations ORDER BY id LIMIT 100

-- name: forget_operations
DELETE FROM operations WHERE id <= ?

-- name: knows_interlock
SELECT count(*) FROM provisions
WHERE site = (SELECT value FROM meta WHERE key = 'site') AND kind = 'interlock' AND provision = ?

-- name: knows_actuator
SELECT count(*) FROM actuators WHERE site = (SELECT value FROM meta WHERE key = 'site') AND node = ? AND actuator = ?
