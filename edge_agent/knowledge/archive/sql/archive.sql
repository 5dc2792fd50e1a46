-- Each query of many rows is read page by page: it starts after the last row it gave. No read stays open between
-- two pages, so that a slow reader does not keep the agent's log from being checkpointed.

-- name: readings
SELECT r.observed_at, r.sensor_id, r.seq, s.node, s.sensor, r.value, s.unit, r.flag, r.tests, r.observed_at,
       r.received_at, nullif(r.seq, -1)
FROM readings r CROSS JOIN series s ON s.id = r.sensor_id
WHERE (r.observed_at, r.sensor_id, r.seq) > (:at, :id, :seq) AND (:node IS NULL OR s.node = :node)
ORDER BY r.observed_at, r.sensor_id, r.seq LIMIT :size

-- name: alarms
SELECT at, id, node, sensor, threshold, event, at, value, by, reason FROM alarm_events
WHERE (at, id) > (:at, :id) AND (:node IS NULL OR node = :node) ORDER BY at, id LIMIT :size

-- name: commands
SELECT issued_at, number, id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter,
       plan, reason, state, attempts, closed_at
FROM commands
WHERE (issued_at, number) > (:at, :id) AND (:node IS NULL OR node = :node) ORDER BY issued_at, number LIMIT :size

-- name: dead_letters
SELECT received_at, id, reason, topic, payload, received_at FROM dead_letters
WHERE (received_at, id) > (:at, :id)
  AND (:node IS NULL
       OR instr('/' || topic || '/',
                '/' || ifnull((SELECT value FROM meta WHERE key = 'site') || '/', '') || :node || '/'))
ORDER BY received_at, id LIMIT :size

-- name: command
SELECT id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason,
       state, attempts, closed_at
FROM commands WHERE id = ?

-- name: command_events
SELECT state, at, attempts, detail FROM command_events WHERE command_id = ? ORDER BY id

-- name: decision_of_command
SELECT at, actuator, action, value, plan, verdict, reason, checks, alarms FROM decisions
WHERE command_id = ? ORDER BY id LIMIT 1
