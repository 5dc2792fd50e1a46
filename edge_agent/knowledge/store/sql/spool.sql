-- name: append
INSERT INTO spool (stream, at, rows, bytes, body, rubbish) VALUES (?, ?, ?, ?, ?, ?)

-- name: totals
SELECT ifnull(sum(rows), 0), ifnull(sum(bytes), 0) FROM spool INDEXED BY spool_sizes

-- name: oldest
SELECT id, stream, rows, body FROM spool WHERE id > ? ORDER BY id LIMIT ?

-- name: sizes_of_stream
SELECT id, at, rows, bytes FROM spool INDEXED BY spool_sizes WHERE stream = ? ORDER BY id

-- name: sizes_of_rubbish
SELECT id, at, rows, bytes FROM spool INDEXED BY spool_rubbish WHERE rubbish = 1 ORDER BY id

-- name: rubbish_bytes
SELECT ifnull(sum(bytes), 0) FROM spool INDEXED BY spool_rubbish WHERE rubbish = 1

-- name: size
SELECT rows, bytes FROM spool WHERE id = ?

-- name: drop
DELETE FROM spool WHERE id = ?

-- name: date
UPDATE spool SET at = ? WHERE id = ?

-- name: refuse
INSERT OR REPLACE INTO spool_refused (id, stream, at, rows, body, reason)
SELECT id, stream, at, rows, body, ? FROM spool WHERE id = ?

-- name: forget_refused
DELETE FROM spool_refused WHERE id NOT IN (SELECT id FROM spool_refused ORDER BY id DESC LIMIT ?)

-- name: series
SELECT id, node, sensor, unit FROM series WHERE id = ?
