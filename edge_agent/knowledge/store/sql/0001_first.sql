-- The embedded store. Instants are integers: microseconds since the Unix epoch, UTC.
-- CHECKs guard the tables that people change by hand (thresholds, plans); the agent writes the others alone.

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,  -- epoch, agent, site, applied, policy_revision
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('epoch', 0), ('policy_revision', 0);

-- The plant, as it was applied last.

CREATE TABLE nodes (
  site       TEXT NOT NULL,
  node       TEXT NOT NULL,
  timestamps TEXT NOT NULL,
  PRIMARY KEY (site, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE sensors (
  site             TEXT NOT NULL,
  node             TEXT NOT NULL,
  sensor           TEXT NOT NULL,
  quantity         TEXT NOT NULL,
  unit             TEXT NOT NULL,
  interval_seconds REAL NOT NULL,
  quality          TEXT NOT NULL,  -- JSON: the quality tests it is put to
  PRIMARY KEY (site, node, sensor)
) STRICT, WITHOUT ROWID;

CREATE TABLE actuators (
  site                TEXT NOT NULL,
  node                TEXT NOT NULL,
  actuator            TEXT NOT NULL,
  kind                TEXT NOT NULL,
  fail_safe           TEXT NOT NULL,
  min_on_seconds      REAL NOT NULL,
  min_off_seconds     REAL NOT NULL,
  max_starts_per_hour INTEGER,
  lease_seconds       REAL NOT NULL,
  ack_timeout_seconds REAL NOT NULL,
  command_ttl_seconds REAL NOT NULL,
  PRIMARY KEY (site, node, actuator)
) STRICT, WITHOUT ROWID;

CREATE TABLE thresholds (
  site              TEXT NOT NULL,
  node              TEXT NOT NULL,
  sensor            TEXT NOT NULL,
  name              TEXT NOT NULL CHECK (name IN ('high_high', 'high', 'low', 'low_low')),
  limit_value       REAL NOT NULL CHECK (abs(limit_value) < 9e307),
  deadband          REAL NOT NULL DEFAULT 0 CHECK (deadband BETWEEN 0 AND 9e307),
  on_delay_seconds  REAL NOT NULL DEFAULT 0 CHECK (on_delay_seconds BETWEEN 0 AND 1e9),
  off_delay_seconds REAL NOT NULL DEFAULT 0 CHECK (off_delay_seconds BETWEEN 0 AND 1e9),
  priority          TEXT NOT NULL DEFAULT 'medium' CHECK (priority IN ('critical', 'high', 'medium', 'low')),
  version           INTEGER NOT NULL DEFAULT 1,
  updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (site, node, sensor, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
  site             TEXT NOT NULL,
  plan             TEXT NOT NULL,
  when_alarms      TEXT NOT NULL CHECK (json_valid(when_alarms)),                -- JSON: ["tank1/level:low"]
  unless_alarms    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(unless_alarms)),
  steps            TEXT NOT NULL CHECK (json_valid(steps)),   -- JSON: [{"actuator": …, "action": …, "value": …}]
  priority         INTEGER NOT NULL DEFAULT 50 CHECK (priority BETWEEN 0 AND 100),
  cooldown_seconds REAL NOT NULL DEFAULT 0 CHECK (cooldown_seconds BETWEEN 0 AND 1e9),
  version          INTEGER NOT NULL DEFAULT 1,
  updated_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  PRIMARY KEY (site, plan)
) STRICT, WITHOUT ROWID;

-- A plain UPDATE of any client leaves a new version behind, and every change a new revision of the policy.

CREATE TRIGGER thresholds_version AFTER UPDATE ON thresholds WHEN NEW.version IS OLD.version BEGIN
  UPDATE thresholds SET version = OLD.version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  WHERE site = NEW.site AND node = NEW.node AND sensor = NEW.sensor AND name = NEW.name;
END;
CREATE TRIGGER plans_version AFTER UPDATE ON plans WHEN NEW.version IS OLD.version BEGIN
  UPDATE plans SET version = OLD.version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  WHERE site = NEW.site AND plan = NEW.plan;
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
CREATE TRIGGER plans_inserted AFTER INSERT ON plans BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER plans_updated AFTER UPDATE ON plans BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;
CREATE TRIGGER plans_deleted AFTER DELETE ON plans BEGIN
  UPDATE meta SET value = value + 1 WHERE key = 'policy_revision';
END;

-- Readings. A series is a sensor in one unit: when the plant file changes the unit, history keeps its own.
-- Their key begins with the time, so that a commit appends to few pages, whatever sensors it has: measured with
-- batches of 500 from 100 sensors, 140 bytes written a row; with the sensor first, 1,836.

CREATE TABLE series (
  id     INTEGER PRIMARY KEY,
  node   TEXT NOT NULL,
  sensor TEXT NOT NULL,
  unit   TEXT NOT NULL,
  UNIQUE (node, sensor, unit)
) STRICT;

CREATE TABLE readings (
  observed_at INTEGER NOT NULL,
  sensor_id   INTEGER NOT NULL,  -- series.id
  seq         INTEGER NOT NULL,  -- -1: the node sent none
  value       REAL NOT NULL,
  received_at INTEGER NOT NULL,
  flag        INTEGER NOT NULL,  -- QARTOD: 1 good, 2 not_evaluated, 3 suspect, 4 fail, 9 missing
  tests       INTEGER NOT NULL,  -- four bits a test: gross_range lowest, then rate_of_change, spike, flat_line, …
  PRIMARY KEY (observed_at, sensor_id, seq)
) STRICT, WITHOUT ROWID;

-- What was not a reading; `ordinal` counts equal ones of one instant.

CREATE TABLE dead_letters (
  id          INTEGER PRIMARY KEY,
  received_at INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  topic       TEXT NOT NULL,
  payload     BLOB NOT NULL,
  digest      BLOB NOT NULL,
  ordinal     INTEGER NOT NULL,
  UNIQUE (received_at, digest, ordinal)
) STRICT;

-- Deliveries the broker may repeat: one row a packet id, the latest only.

CREATE TABLE deliveries (
  ordinal INTEGER PRIMARY KEY,
  packet  INTEGER NOT NULL UNIQUE,
  digest  BLOB NOT NULL
) STRICT;

-- Alarms: their journal, and the state of those that are not at rest. `sensor` is empty for a node's own alarm.

CREATE TABLE alarm_events (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  node      TEXT NOT NULL,
  sensor    TEXT NOT NULL,
  threshold TEXT NOT NULL,
  event     TEXT NOT NULL,
  value     REAL,
  by        TEXT NOT NULL,
  reason    TEXT NOT NULL,
  UNIQUE (at, node, sensor, threshold, event)
) STRICT;

CREATE TABLE alarms (
  node          TEXT NOT NULL,
  sensor        TEXT NOT NULL,
  threshold     TEXT NOT NULL,
  priority      TEXT NOT NULL,
  active        INTEGER NOT NULL,
  acknowledged  INTEGER NOT NULL,
  since         INTEGER NOT NULL,
  reason        TEXT NOT NULL,
  value         REAL,
  limit_value   REAL,
  unit          TEXT,
  shelved_until INTEGER,
  evidence      TEXT,  -- JSON: the reading that decided
  PRIMARY KEY (node, sensor, threshold)
) STRICT, WITHOUT ROWID;

-- Commands, every step of theirs, and why each was given or not.

CREATE TABLE commands (
  number        INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  site          TEXT NOT NULL,
  node          TEXT NOT NULL,
  actuator      TEXT NOT NULL,
  action        TEXT NOT NULL,
  value         REAL,
  issued_at     INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  lease_seconds REAL NOT NULL,
  epoch         INTEGER NOT NULL,
  counter       INTEGER NOT NULL,
  plan          TEXT,
  reason        TEXT NOT NULL,
  state         TEXT NOT NULL DEFAULT 'decided',
  attempts      INTEGER NOT NULL DEFAULT 0,
  closed_at     INTEGER
) STRICT;
CREATE INDEX commands_by_issue ON commands (issued_at);
CREATE INDEX commands_open ON commands (epoch, counter) WHERE state IN ('decided', 'published', 'accepted');

CREATE TABLE command_events (
  id         INTEGER PRIMARY KEY,
  command_id TEXT NOT NULL,
  state      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  attempts   INTEGER NOT NULL,
  detail     TEXT NOT NULL,
  UNIQUE (command_id, state, at, attempts)
) STRICT;

CREATE TABLE decisions (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  actuator   TEXT NOT NULL,
  action     TEXT NOT NULL,
  value      REAL,
  plan       TEXT,
  verdict    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  alarms     TEXT NOT NULL,  -- JSON: the alarms with the readings that raised them
  checks     TEXT NOT NULL,  -- JSON: what was looked at before
  command_id TEXT
) STRICT;
-- NULLs differ from each other in a unique index, hence the stand-ins.
CREATE UNIQUE INDEX decisions_once ON decisions
  (at, actuator, verdict, action, ifnull(value, -1), ifnull(plan, ''), ifnull(command_id, ''), reason);
CREATE INDEX decisions_by_command ON decisions (command_id) WHERE command_id IS NOT NULL;

-- What must survive a restart about actuators and plans.

CREATE TABLE memories (
  kind TEXT NOT NULL,  -- actuator, plan
  name TEXT NOT NULL,
  body TEXT NOT NULL,  -- JSON
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
