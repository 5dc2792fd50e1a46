-- What a threshold's limit is compared with, and what that measure is told: a new measure needs no new column.

ALTER TABLE edge_agent.thresholds
  ADD COLUMN measure text NOT NULL DEFAULT 'value',
  ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object');  -- {"over_seconds": 600}
