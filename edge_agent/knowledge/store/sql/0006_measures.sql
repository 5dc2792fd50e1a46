-- What a threshold's limit is compared with, and what that measure is told: a new measure needs no new column.

ALTER TABLE thresholds ADD COLUMN measure TEXT NOT NULL DEFAULT 'value';
ALTER TABLE thresholds ADD COLUMN parameters TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters));  -- JSON: {"over_seconds": 600}
