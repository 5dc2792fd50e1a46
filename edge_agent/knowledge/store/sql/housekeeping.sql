-- Every step removes the oldest rows of one table, up to a bound found before, so that it is short.

-- name: newest_reading
SELECT observed_at FROM readings WHERE observed_at <= ? ORDER BY observed_at DESC LIMIT 1

-- Of the newest only: to look through all of them would take seconds.
-- name: newest_receipt
SELECT max(received_at) FROM (
  SELECT received_at FROM (SELECT received_at FROM readings ORDER BY observed_at DESC LIMIT 1000)
  UNION ALL
  SELECT max(received_at) FROM dead_letters
)

-- name: reading_ahead
SELECT observed_at FROM readings WHERE observed_at > ? LIMIT 1

-- name: prune_readings_ahead
DELETE FROM readings WHERE (observed_at, sensor_id, seq) IN (
  SELECT observed_at, sensor_id, seq FROM readings WHERE observed_at > ? ORDER BY observed_at DESC LIMIT ?)

-- name: bound_of_readings
SELECT observed_at FROM readings ORDER BY observed_at, sensor_id, seq LIMIT 1 OFFSET ?

-- name: prune_readings
DELETE FROM readings WHERE observed_at <= ?

-- name: bound_of_dead_letters
SELECT received_at FROM dead_letters ORDER BY received_at LIMIT 1 OFFSET ?

-- name: prune_dead_letters
DELETE FROM dead_letters WHERE received_at <= ?
RETURNING 60 + 5 * (length(reason) + length(topic) + length(payload) + length(digest)) / 4

-- name: bound_of_decisions
SELECT at FROM decisions ORDER BY at LIMIT 1 OFFSET ?

-- name: prune_decisions
DELETE FROM decisions WHERE at <= ?
RETURNING 250 + length(actuator) + length(action) + ifnull(length(plan), 0) + length(verdict) + length(reason)
          + length(alarms) + length(checks) + ifnull(length(command_id), 0)

-- name: bound_of_alarm_events
SELECT at FROM alarm_events ORDER BY at LIMIT 1 OFFSET ?

-- name: prune_alarm_events
DELETE FROM alarm_events WHERE at <= ?
RETURNING 160 + length(node) + length(sensor) + length(threshold) + length(event) + length(by) + length(reason)

-- name: bound_of_commands
SELECT issued_at FROM commands INDEXED BY commands_by_issue ORDER BY issued_at LIMIT 1 OFFSET ?

-- An open command stays, whatever its age.
-- name: prune_command_events
DELETE FROM command_events WHERE command_id IN (
  SELECT id FROM commands WHERE issued_at <= ? AND state NOT IN ('decided', 'published', 'accepted'))
RETURNING 200 + length(command_id) + length(state) + length(detail)

-- name: prune_commands
DELETE FROM commands WHERE issued_at <= ? AND state NOT IN ('decided', 'published', 'accepted')
RETURNING 200 + length(id) + length(site) + length(node) + length(actuator) + length(action)
          + ifnull(length(plan), 0) + length(reason)
