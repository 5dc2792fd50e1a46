-- Of which kind a plan is, and what that kind is told besides when, unless and do: a new kind needs no new column.

ALTER TABLE plans ADD COLUMN kind TEXT NOT NULL DEFAULT 'condition';
ALTER TABLE plans ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters));  -- JSON: {"measure": "tank1/level"}
