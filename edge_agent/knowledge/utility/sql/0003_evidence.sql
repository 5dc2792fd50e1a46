-- What a plan needs to be seen while it runs something, what it falls back on without, and trips.

ALTER TABLE edge_agent.plans
  ADD COLUMN evidence_seconds double precision NOT NULL DEFAULT 300 CHECK (evidence_seconds BETWEEN 0 AND 1e9),
  ADD COLUMN without_evidence jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(without_evidence) = 'array'),
  ADD COLUMN trip boolean NOT NULL DEFAULT false,
  ADD COLUMN latch boolean NOT NULL DEFAULT false;

-- What a hand at the panel and failures do to an actuator, and when it may start after its power is back.

ALTER TABLE edge_agent.actuators
  ADD COLUMN hand text NOT NULL DEFAULT 'suspend',
  ADD COLUMN unexpected_retries integer NOT NULL DEFAULT 0,
  ADD COLUMN lock_out_after integer NOT NULL DEFAULT 3,
  ADD COLUMN power_return_seconds jsonb NOT NULL DEFAULT '[0, 0]';  -- [least, most]
