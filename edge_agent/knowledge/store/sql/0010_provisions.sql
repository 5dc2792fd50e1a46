-- Provisions: named tables of the plant file beside the plans, which these refer to. And what sensors and equipment got
-- with them: values that come from other sensors, proof of effect, size, ramp, names for people.

CREATE TABLE provisions (
  site       TEXT NOT NULL,
  kind       TEXT NOT NULL,
  provision  TEXT NOT NULL,
  parameters TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(parameters)),  -- JSON: the keys of its kind
  version    INTEGER NOT NULL DEFAULT 1,
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (site, kind, provision)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER provisions_version AFTER UPDATE ON provisions WHEN NEW.version IS OLD.version BEGIN
  UPDATE provisions SET version = OLD.version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  WHERE site = NEW.site AND kind = NEW.kind AND provision = NEW.provision;
END;
CREATE TRIGGER provisions_inserted AFTER INSERT ON provisions BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER provisions_updated AFTER UPDATE ON provisions BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER provisions_deleted AFTER DELETE ON provisions BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;

ALTER TABLE nodes ADD COLUMN label TEXT;
ALTER TABLE sensors ADD COLUMN derived TEXT CHECK (derived IS NULL OR json_valid(derived));
ALTER TABLE sensors ADD COLUMN label TEXT;
ALTER TABLE actuators ADD COLUMN expect TEXT CHECK (expect IS NULL OR json_valid(expect));
ALTER TABLE actuators ADD COLUMN rated_kw REAL;
ALTER TABLE actuators ADD COLUMN ramp_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE actuators ADD COLUMN label TEXT;
