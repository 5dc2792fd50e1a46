-- What is read of a damaged file, each from both ends: a scan ends at the first damaged page.

-- name: series
SELECT id, node, sensor, unit FROM series ORDER BY id

-- name: series_backwards
SELECT id, node, sensor, unit FROM series ORDER BY id DESC

-- name: parcels
SELECT id, stream, at, rows, bytes, body FROM spool ORDER BY id

-- name: parcels_backwards
SELECT id, stream, at, rows, bytes, body FROM spool ORDER BY id DESC

-- name: open_commands
SELECT id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason,
       state, attempts, closed_at
FROM commands WHERE state IN ('decided', 'published', 'accepted') ORDER BY epoch, counter

-- name: open_commands_backwards
SELECT id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason,
       state, attempts, closed_at
FROM commands NOT INDEXED WHERE state IN ('decided', 'published', 'accepted') ORDER BY number DESC

-- name: memories
SELECT kind, name, body FROM memories ORDER BY kind, name

-- name: memories_backwards
SELECT kind, name, body FROM memories ORDER BY kind DESC, name DESC

-- name: readings
SELECT observed_at, sensor_id, seq, value, received_at, flag, tests FROM readings
ORDER BY observed_at DESC, sensor_id DESC, seq DESC LIMIT 5000

-- name: deliveries
SELECT ordinal, packet, digest FROM deliveries ORDER BY ordinal

-- name: deliveries_backwards
SELECT ordinal, packet, digest FROM deliveries ORDER BY ordinal DESC

-- name: keep_series
INSERT INTO series (id, node, sensor, unit) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: keep_parcels
INSERT INTO spool (id, stream, at, rows, bytes, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: keep_open_commands
INSERT INTO commands
  (id, site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason,
   state, attempts, closed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: keep_memories
INSERT INTO memories (kind, name, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: keep_readings
INSERT INTO readings (observed_at, sensor_id, seq, value, received_at, flag, tests) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING

-- name: keep_deliveries
INSERT INTO deliveries (ordinal, packet, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: known_series
SELECT id FROM series
