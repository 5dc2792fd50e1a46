-- Thresholds of any name. The classic four imply their side, where `side` may be null; any other must say it.
-- `alarm` false: a switch point, for plans alone, and no alarm for people.

ALTER TABLE edge_agent.thresholds
  DROP CONSTRAINT thresholds_name_check,
  ADD COLUMN side text,
  ADD COLUMN alarm boolean NOT NULL DEFAULT true,
  ADD CONSTRAINT threshold_name_is_an_id CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  ADD CONSTRAINT threshold_name_is_free CHECK (name NOT IN (
    'stale', 'bad_quality', 'offline', 'failed', 'contradicts', 'no_evidence', 'not_in_auto', 'stop_not_confirmed', 'locked_out',
    'tripped', 'no_effect', 'store_renewed', 'policy_refused')),
  ADD CONSTRAINT threshold_acts_above_or_below CHECK (
    CASE WHEN name IN ('high_high', 'high') THEN side IS NULL OR side = 'above'
         WHEN name IN ('low', 'low_low') THEN side IS NULL OR side = 'below'
         ELSE side IS NOT NULL AND side IN ('above', 'below') END);
