-- name: set_aside
INSERT INTO set_aside (source, row, reason) VALUES (?, ?, ?)

-- name: forget_aside
DELETE FROM set_aside WHERE id <= (SELECT max(id) FROM set_aside) - ?

-- name: remove_commands
DELETE FROM commands WHERE id = ?

-- name: remove_alarms
DELETE FROM alarms WHERE node = ? AND sensor = ? AND threshold = ?

-- name: remove_actuator
DELETE FROM memories WHERE kind = 'actuator' AND name = ?

-- name: remove_plan
DELETE FROM memories WHERE kind = 'plan' AND name = ?

-- name: remove_delay
DELETE FROM memories WHERE kind = 'delay' AND name = ?

-- name: remove_clock
DELETE FROM memories WHERE kind = 'clock' AND name = ?

-- name: remove_interlock
DELETE FROM memories WHERE kind = 'interlock' AND name = ?

-- name: remove_sequence
DELETE FROM memories WHERE kind = 'sequence' AND name = ?

-- name: remove_deliveries
DELETE FROM deliveries WHERE packet = ?

-- name: remove_readings
DELETE FROM readings WHERE sensor_id = ? AND observed_at = ? AND ifnull(nullif(seq, -1), -1) = ifnull(?, -1)
