-- Thresholds of any name: SQLite changes no CHECK of a table, so that it is made anew with all that was in it.
-- The classic four imply their side, where `side` may be null; any other must say it. `alarm` 0: a switch point, for plans
-- alone, and no alarm for people; the state of one is kept among those of alarms.

CREATE TABLE thresholds_anew (
  site              TEXT NOT NULL,
  node              TEXT NOT NULL,
  sensor            TEXT NOT NULL,
  name              TEXT NOT NULL CONSTRAINT threshold_name_is_an_id
                      CHECK (name GLOB '[a-z0-9]*' AND name NOT GLOB '*[^a-z0-9_-]*' AND length(name) <= 63)
                    CONSTRAINT threshold_name_is_free CHECK (name NOT IN (
    'stale', 'bad_quality', 'offline', 'failed', 'contradicts', 'no_evidence', 'not_in_auto', 'stop_not_confirmed', 'locked_out',
    'tripped', 'no_effect', 'store_renewed', 'policy_refused')),
  limit_value       REAL NOT NULL CHECK (abs(limit_value) < 9e307),
  deadband          REAL NOT NULL DEFAULT 0 CHECK (deadband BETWEEN 0 AND 9e307),
  on_delay_seconds  REAL NOT NULL DEFAULT 0 CHECK (on_delay_seconds BETWEEN 0 AND 1e9),
  off_delay_seconds REAL NOT NULL DEFAULT 0 CHECK (off_delay_seconds BETWEEN 0 AND 1e9),
  priority          TEXT NOT NULL DEFAULT 'medium' CHECK (priority IN ('critical', 'high', 'medium', 'low')),
  version           INTEGER NOT NULL DEFAULT 1,
  updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  measure           TEXT NOT NULL DEFAULT 'value',
  parameters        TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters)),  -- JSON: {"over_seconds": 600}
  side              TEXT,
  alarm             INTEGER NOT NULL DEFAULT 1 CHECK (alarm IN (0, 1)),
  PRIMARY KEY (site, node, sensor, name),
  CONSTRAINT threshold_acts_above_or_below CHECK (
    CASE WHEN name IN ('high_high', 'high') THEN side IS NULL OR side = 'above'
         WHEN name IN ('low', 'low_low') THEN side IS NULL OR side = 'below'
         ELSE side IS NOT NULL AND side IN ('above', 'below') END)
) STRICT, WITHOUT ROWID;

INSERT INTO thresholds_anew
  (site, node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, version, updated_at,
   measure, parameters)
SELECT site, node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, version, updated_at,
       measure, parameters
FROM thresholds;

DROP TABLE thresholds;
ALTER TABLE thresholds_anew RENAME TO thresholds;

CREATE TRIGGER thresholds_version AFTER UPDATE ON thresholds WHEN NEW.version IS OLD.version BEGIN
  UPDATE thresholds SET version = OLD.version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  WHERE site = NEW.site AND node = NEW.node AND sensor = NEW.sensor AND name = NEW.name;
END;
CREATE TRIGGER thresholds_inserted AFTER INSERT ON thresholds BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER thresholds_updated AFTER UPDATE ON thresholds BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER thresholds_deleted AFTER DELETE ON thresholds BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;

ALTER TABLE alarms ADD COLUMN annunciated INTEGER NOT NULL DEFAULT 1 CHECK (annunciated IN (0, 1));
