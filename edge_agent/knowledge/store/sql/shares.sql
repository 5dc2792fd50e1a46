-- What rows take, as shares.py counts it; `?` rows are given up, those that came first.

-- name: size_of_dead_letters
SELECT ifnull(sum(60 + 5 * (length(reason) + length(topic) + length(payload) + length(digest)) / 4), 0) FROM dead_letters

-- name: give_up_dead_letters
DELETE FROM dead_letters WHERE id IN (SELECT id FROM dead_letters ORDER BY id LIMIT ?)
RETURNING 60 + 5 * (length(reason) + length(topic) + length(payload) + length(digest)) / 4

-- name: size_of_decisions
SELECT ifnull(sum(250 + length(actuator) + length(action) + ifnull(length(plan), 0) + length(verdict) + length(reason)
                  + length(alarms) + length(checks) + ifnull(length(command_id), 0)), 0)
FROM decisions

-- name: give_up_decisions
DELETE FROM decisions WHERE id IN (SELECT id FROM decisions ORDER BY id LIMIT ?)
RETURNING 250 + length(actuator) + length(action) + ifnull(length(plan), 0) + length(verdict) + length(reason)
          + length(alarms) + length(checks) + ifnull(length(command_id), 0)

-- name: size_of_alarm_events
SELECT ifnull(sum(160 + length(node) + length(sensor) + length(threshold) + length(event) + length(by) + length(reason)), 0)
FROM alarm_events

-- name: give_up_alarm_events
DELETE FROM alarm_events WHERE id IN (SELECT id FROM alarm_events ORDER BY id LIMIT ?)
RETURNING 160 + length(node) + length(sensor) + length(threshold) + length(event) + length(by) + length(reason)

-- name: size_of_commands
SELECT (SELECT ifnull(sum(200 + length(id) + length(site) + length(node) + length(actuator) + length(action)
                          + ifnull(length(plan), 0) + length(reason)), 0) FROM commands)
     + (SELECT ifnull(sum(200 + length(command_id) + length(state) + length(detail)), 0) FROM command_events)

-- Of a command that is open nothing is given up.
-- name: give_up_command_events
DELETE FROM command_events WHERE command_id IN (
  SELECT id FROM commands WHERE state NOT IN ('decided', 'published', 'accepted') ORDER BY number LIMIT ?)
RETURNING 200 + length(command_id) + length(state) + length(detail)

-- name: give_up_commands
DELETE FROM commands WHERE number IN (
  SELECT number FROM commands WHERE state NOT IN ('decided', 'published', 'accepted') ORDER BY number LIMIT ?)
RETURNING 200 + length(id) + length(site) + length(node) + length(actuator) + length(action)
          + ifnull(length(plan), 0) + length(reason)
