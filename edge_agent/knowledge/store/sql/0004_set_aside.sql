-- Rows that made no sense when they were read back, and rows that PostgreSQL would not take: kept for whoever looks into it.

CREATE TABLE set_aside (
  id     INTEGER PRIMARY KEY,
  at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  source TEXT NOT NULL,  -- the table it was in
  row    TEXT NOT NULL,  -- JSON
  reason TEXT NOT NULL
) STRICT;
