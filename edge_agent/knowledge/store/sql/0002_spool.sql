-- What PostgreSQL has not taken yet: one row a commit and stream. The rows themselves are compressed; to be given up,
-- the oldest of the stream `readings` come first, `records` (alarms, commands, decisions, dead letters) last.

CREATE TABLE spool (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of the commits
  stream TEXT NOT NULL CHECK (stream IN ('readings', 'records')),
  at     INTEGER NOT NULL,                   -- when it was committed
  rows   INTEGER NOT NULL,
  bytes  INTEGER NOT NULL,                   -- of the body
  body   BLOB NOT NULL                       -- zlib of JSON, see knowledge/parcel.py
) STRICT;
CREATE INDEX spool_sizes ON spool (stream, id, at, rows, bytes);

-- What PostgreSQL refused for good: kept for whoever looks into it.

CREATE TABLE spool_refused (
  id     INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  at     INTEGER NOT NULL,
  rows   INTEGER NOT NULL,
  body   BLOB NOT NULL,
  reason TEXT NOT NULL
) STRICT;

-- 1: the agent that wrote last has closed the file in order.
INSERT INTO meta (key, value) VALUES ('clean', 0);
