-- Of which kind a plan is, and what that kind is told besides when, unless and do: a new kind needs no new column.

ALTER TABLE edge_agent.plans
  ADD COLUMN kind text NOT NULL DEFAULT 'condition',
  ADD COLUMN parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object');  -- {"measure": "tank1/level"}
