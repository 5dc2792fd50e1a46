-- What a plan needs to be seen while it runs something, what it falls back on without, and trips.

ALTER TABLE plans ADD COLUMN evidence_seconds REAL NOT NULL DEFAULT 300 CHECK (evidence_seconds BETWEEN 0 AND 1e9);
ALTER TABLE plans ADD COLUMN without_evidence TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(without_evidence));
ALTER TABLE plans ADD COLUMN trip INTEGER NOT NULL DEFAULT 0 CHECK (trip IN (0, 1));
ALTER TABLE plans ADD COLUMN latch INTEGER NOT NULL DEFAULT 0 CHECK (latch IN (0, 1));

-- What a hand at the panel and failures do to an actuator, and when it may start after its power is back.

ALTER TABLE actuators ADD COLUMN hand TEXT NOT NULL DEFAULT 'suspend';
ALTER TABLE actuators ADD COLUMN unexpected_retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actuators ADD COLUMN lock_out_after INTEGER NOT NULL DEFAULT 3;
ALTER TABLE actuators ADD COLUMN power_return_seconds TEXT NOT NULL DEFAULT '[0, 0]';  -- JSON: [least, most]

-- What people ask of the running agent: it takes them from here, each once.

CREATE TABLE operations (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  operation TEXT NOT NULL CHECK (operation IN ('reset', 'release')),
  target    TEXT NOT NULL,
  by        TEXT NOT NULL,
  reason    TEXT NOT NULL
) STRICT;
