-- The utility's knowledge. Several gateways share it: every row names its site.
-- CHECKs guard the tables that people change by hand (thresholds, plans); the agents write the others alone.
-- Ids compare by their bytes (COLLATE "C"): in every database the same order, and a fast one.
-- JSON as it was written is json, which takes what jsonb refuses (\u0000); what people may edit is jsonb.

-- Instants inside the agent are microseconds since the Unix epoch. Both ways are exact: intervals are counted in
-- doubles, so that whole days (of 24 hours) and the rest of a day are added apart.

CREATE FUNCTION edge_agent.instant(microseconds bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT timestamptz '1970-01-01 00:00:00+00'
         + microseconds / 86400000000 * interval '24 hours'
         + microseconds % 86400000000 * interval '1 microsecond'
$$;

CREATE FUNCTION edge_agent.microseconds(at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (extract(epoch FROM at) * 1000000)::bigint
$$;

CREATE TABLE edge_agent.sites (
  site               text COLLATE "C" PRIMARY KEY,
  epoch              bigint NOT NULL DEFAULT 0,  -- grows with each agent that takes control
  agent              text,                       -- which one did last
  applied            text,                       -- digest of the plant file that was applied last
  readings_keep_days integer CHECK (readings_keep_days > 0)  -- NULL: for ever
);

-- The plant, as it was applied last.

CREATE TABLE edge_agent.nodes (
  site       text COLLATE "C" NOT NULL,
  node       text COLLATE "C" NOT NULL,
  timestamps text NOT NULL,
  PRIMARY KEY (site, node)
);

CREATE TABLE edge_agent.sensors (
  site             text COLLATE "C" NOT NULL,
  node             text COLLATE "C" NOT NULL,
  sensor           text COLLATE "C" NOT NULL,
  quantity         text NOT NULL,
  unit             text COLLATE "C" NOT NULL,
  interval_seconds double precision NOT NULL,
  quality          jsonb NOT NULL,  -- the quality tests it is put to
  PRIMARY KEY (site, node, sensor)
);

CREATE TABLE edge_agent.actuators (
  site                text COLLATE "C" NOT NULL,
  node                text COLLATE "C" NOT NULL,
  actuator            text COLLATE "C" NOT NULL,
  kind                text NOT NULL,
  fail_safe           text NOT NULL,
  min_on_seconds      double precision NOT NULL,
  min_off_seconds     double precision NOT NULL,
  max_starts_per_hour integer,
  lease_seconds       double precision NOT NULL,
  ack_timeout_seconds double precision NOT NULL,
  command_ttl_seconds double precision NOT NULL,
  PRIMARY KEY (site, node, actuator)
);

CREATE TABLE edge_agent.thresholds (
  site              text COLLATE "C" NOT NULL,
  node              text COLLATE "C" NOT NULL,
  sensor            text COLLATE "C" NOT NULL,
  name              text COLLATE "C" NOT NULL CHECK (name IN ('high_high', 'high', 'low', 'low_low')),
  limit_value       double precision NOT NULL CHECK (limit_value BETWEEN -9e307 AND 9e307),
  deadband          double precision NOT NULL DEFAULT 0 CHECK (deadband BETWEEN 0 AND 9e307),
  on_delay_seconds  double precision NOT NULL DEFAULT 0 CHECK (on_delay_seconds BETWEEN 0 AND 1e9),
  off_delay_seconds double precision NOT NULL DEFAULT 0 CHECK (off_delay_seconds BETWEEN 0 AND 1e9),
  priority          text NOT NULL DEFAULT 'medium' CHECK (priority IN ('critical', 'high', 'medium', 'low')),
  version           bigint NOT NULL DEFAULT 1,
  updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (site, node, sensor, name)
);

CREATE TABLE edge_agent.plans (
  site             text COLLATE "C" NOT NULL,
  plan             text COLLATE "C" NOT NULL,
  when_alarms      jsonb NOT NULL CHECK (jsonb_typeof(when_alarms) = 'array'),  -- ["tank1/level:low"]
  unless_alarms    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(unless_alarms) = 'array'),
  steps            jsonb NOT NULL CHECK (jsonb_typeof(steps) = 'array'),  -- [{"actuator": …, "action": …, "value": …}]
  priority         integer NOT NULL DEFAULT 50 CHECK (priority BETWEEN 0 AND 100),
  cooldown_seconds double precision NOT NULL DEFAULT 0 CHECK (cooldown_seconds BETWEEN 0 AND 1e9),
  version          bigint NOT NULL DEFAULT 1,
  updated_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (site, plan)
);

-- A plain UPDATE of any client leaves a new version behind, and every change is told to the agents of its site.

CREATE FUNCTION edge_agent.new_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version = OLD.version THEN
    NEW.version := OLD.version + 1;
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$;

CREATE FUNCTION edge_agent.tell_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify('edge_agent_policy', site) FROM edge_agent.sites;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    PERFORM pg_notify('edge_agent_policy', OLD.site);
  END IF;
  IF TG_OP <> 'DELETE' THEN
    PERFORM pg_notify('edge_agent_policy', NEW.site);
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER thresholds_version BEFORE UPDATE ON edge_agent.thresholds
  FOR EACH ROW EXECUTE FUNCTION edge_agent.new_version();
CREATE TRIGGER plans_version BEFORE UPDATE ON edge_agent.plans
  FOR EACH ROW EXECUTE FUNCTION edge_agent.new_version();
CREATE TRIGGER thresholds_told AFTER INSERT OR UPDATE OR DELETE ON edge_agent.thresholds
  FOR EACH ROW EXECUTE FUNCTION edge_agent.tell_policy();
CREATE TRIGGER plans_told AFTER INSERT OR UPDATE OR DELETE ON edge_agent.plans
  FOR EACH ROW EXECUTE FUNCTION edge_agent.tell_policy();
CREATE TRIGGER thresholds_emptied AFTER TRUNCATE ON edge_agent.thresholds
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.tell_policy();
CREATE TRIGGER plans_emptied AFTER TRUNCATE ON edge_agent.plans
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.tell_policy();

-- Readings: a hypertable where TimescaleDB is in this database, else a partition a month, UTC. The names stand in the
-- row, for whoever reads it without us. The key holds the unit: history keeps its own when the plant file changes it.
-- It begins with the time, so that a write appends and an export needs no sort; the other index is for those who look
-- at one sensor. (An index of site and time alone would be taken for the key where many sensors share an instant.)
-- Judging a reading later changes no indexed column and finds room in its page.

DO $$
DECLARE
  timescale boolean := EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'timescaledb');
BEGIN
  EXECUTE '
    CREATE TABLE edge_agent.readings (
      observed_at timestamptz NOT NULL,
      received_at timestamptz NOT NULL,
      seq         bigint NOT NULL,    -- -1: the node sent none
      value       double precision NOT NULL,
      tests       bigint NOT NULL,    -- four bits a test: gross_range lowest, then rate_of_change, spike, flat_line, …
      flag        smallint NOT NULL,  -- QARTOD: 1 good, 2 not_evaluated, 3 suspect, 4 fail, 9 missing
      site        text COLLATE "C" NOT NULL,
      node        text COLLATE "C" NOT NULL,
      sensor      text COLLATE "C" NOT NULL,
      unit        text COLLATE "C" NOT NULL,
      PRIMARY KEY (site, observed_at, node, sensor, unit, seq)
    )' || CASE WHEN timescale THEN '' ELSE ' PARTITION BY RANGE (observed_at)' END;
  CREATE INDEX readings_by_sensor ON edge_agent.readings (site, node, sensor, unit, observed_at);
  IF timescale THEN
    PERFORM create_hypertable('edge_agent.readings', 'observed_at', create_default_indexes => false,
                              chunk_time_interval => interval '7 days');
  ELSE
    -- What is too far from the present to be believed, and the net when a partition could not be made.
    CREATE TABLE edge_agent.readings_default PARTITION OF edge_agent.readings DEFAULT;
  END IF;
END
$$;

-- Gives stored readings their flags. One look-up by key after the other, which no planner can turn into reading whole
-- months: as a join it did, while it believed a new month empty (350 flags a second instead of 18,000).
CREATE FUNCTION edge_agent.judge_readings(only_unjudged boolean, of_site text, flags smallint[], all_tests bigint[],
                                          nodes text[], sensors text[], units text[], instants bigint[], seqs bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  judged record;
BEGIN
  FOR judged IN
    SELECT u.flag, u.tests, u.node, u.sensor, u.unit, edge_agent.instant(u.at) AS observed_at, u.seq
    FROM unnest(flags, all_tests, nodes, sensors, units, instants, seqs)
      AS u (flag, tests, node, sensor, unit, at, seq)
  LOOP
    UPDATE edge_agent.readings AS r SET flag = judged.flag, tests = judged.tests
    WHERE r.site = of_site AND r.observed_at = judged.observed_at AND r.node = judged.node
      AND r.sensor = judged.sensor AND r.unit = judged.unit AND r.seq = judged.seq
      AND (r.flag = 2 OR NOT only_unjudged);
  END LOOP;
END
$$;

CREATE FUNCTION edge_agent.readings_are_partitioned() RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT relkind = 'p' FROM pg_class WHERE oid = 'edge_agent.readings'::regclass
$$;

-- Makes the months in which these instants lie, as far as they are ten years ago or a month ahead at most: nonsense
-- from a node's clock makes no tables. What the default partition held of a month moves there.
CREATE FUNCTION edge_agent.make_months(instants timestamptz[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  month timestamp;
  name  text;
  made  integer := 0;
BEGIN
  IF NOT edge_agent.readings_are_partitioned() THEN
    RETURN 0;
  END IF;
  FOR month IN
    SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') FROM unnest(instants) AS at
    WHERE at BETWEEN now() - interval '10 years' AND now() + interval '32 days' ORDER BY 1
  LOOP
    name := to_char(month, '"readings_"YYYY_MM');
    CONTINUE WHEN to_regclass('edge_agent.' || name) IS NOT NULL;
    PERFORM pg_advisory_xact_lock(hashtext('edge_agent'), hashtext('months'));
    CONTINUE WHEN to_regclass('edge_agent.' || name) IS NOT NULL;
    EXECUTE format('CREATE TABLE edge_agent.%I (LIKE edge_agent.readings INCLUDING ALL) WITH (fillfactor = 90)', name);
    EXECUTE format('WITH moved AS (DELETE FROM edge_agent.readings_default WHERE observed_at >= %1$L AND '
                   'observed_at < %2$L RETURNING *) INSERT INTO edge_agent.%3$I SELECT * FROM moved',
                   month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC', name);
    EXECUTE format('ALTER TABLE edge_agent.readings ATTACH PARTITION edge_agent.%I FOR VALUES FROM (%L) TO (%L)',
                   name, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;

-- Drops whatever lies wholly before the instant; tells how many months (or chunks) that were.
CREATE FUNCTION edge_agent.drop_readings_before(cutoff timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  partition regclass;
  dropped   integer := 0;
BEGIN
  IF NOT edge_agent.readings_are_partitioned() THEN
    SELECT count(*) INTO dropped FROM drop_chunks('edge_agent.readings', cutoff);
    RETURN dropped;
  END IF;
  FOR partition IN
    SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'edge_agent.readings'::regclass AND c.relname ~ '^readings_\d{4}_\d{2}$'
      AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= cutoff
    ORDER BY c.relname
  LOOP
    EXECUTE 'DROP TABLE ' || partition;
    dropped := dropped + 1;
  END LOOP;
  DELETE FROM edge_agent.readings_default WHERE observed_at < cutoff;
  RETURN dropped;
END
$$;

-- What was not a reading; `ordinal` counts equal ones of one instant.

CREATE TABLE edge_agent.dead_letters (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site        text COLLATE "C" NOT NULL,
  received_at timestamptz NOT NULL,
  reason      text NOT NULL,
  topic       text NOT NULL,
  payload     bytea NOT NULL,
  digest      bytea NOT NULL,
  ordinal     integer NOT NULL,
  UNIQUE (site, received_at, digest, ordinal)
);

-- Deliveries the broker may repeat: one row a packet id, the latest only.

CREATE TABLE edge_agent.deliveries (
  site    text COLLATE "C" NOT NULL,
  packet  integer NOT NULL,
  digest  bytea NOT NULL,
  ordinal bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (site, packet)
);
CREATE INDEX deliveries_by_age ON edge_agent.deliveries (site, ordinal);

-- Alarms: their journal, and the state of those that are not at rest. `sensor` is empty for a node's own alarm.

CREATE TABLE edge_agent.alarm_events (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site      text COLLATE "C" NOT NULL,
  at        timestamptz NOT NULL,
  node      text COLLATE "C" NOT NULL,
  sensor    text COLLATE "C" NOT NULL,
  threshold text COLLATE "C" NOT NULL,
  event     text NOT NULL,
  value     double precision,
  by        text NOT NULL,
  reason    text NOT NULL,
  UNIQUE (site, at, node, sensor, threshold, event)
);

CREATE TABLE edge_agent.alarms (
  site          text COLLATE "C" NOT NULL,
  node          text COLLATE "C" NOT NULL,
  sensor        text COLLATE "C" NOT NULL,
  threshold     text COLLATE "C" NOT NULL,
  priority      text NOT NULL,
  active        boolean NOT NULL,
  acknowledged  boolean NOT NULL,
  since         timestamptz NOT NULL,
  reason        text NOT NULL,
  value         double precision,
  limit_value   double precision,
  unit          text,
  shelved_until timestamptz,
  evidence      json,  -- the reading that decided
  PRIMARY KEY (site, node, sensor, threshold)
);

-- Commands, every step of theirs, and why each was given or not.

CREATE TABLE edge_agent.commands (
  number        bigint GENERATED ALWAYS AS IDENTITY,
  site          text COLLATE "C" NOT NULL,
  id            text COLLATE "C" NOT NULL,
  node          text COLLATE "C" NOT NULL,
  actuator      text COLLATE "C" NOT NULL,
  action        text NOT NULL,
  value         double precision,
  issued_at     timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  lease_seconds double precision NOT NULL,
  epoch         bigint NOT NULL,
  counter       bigint NOT NULL,
  plan          text,
  reason        text NOT NULL,
  state         text NOT NULL DEFAULT 'decided',
  attempts      integer NOT NULL DEFAULT 0,
  closed_at     timestamptz,
  PRIMARY KEY (site, id)
);
CREATE INDEX commands_by_issue ON edge_agent.commands (site, issued_at, number);
CREATE INDEX commands_open ON edge_agent.commands (site, epoch, counter)
  WHERE state IN ('decided', 'published', 'accepted');

CREATE TABLE edge_agent.command_events (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site       text COLLATE "C" NOT NULL,
  command_id text COLLATE "C" NOT NULL,
  state      text NOT NULL,
  at         timestamptz NOT NULL,
  attempts   integer NOT NULL,
  detail     text NOT NULL,
  UNIQUE (site, command_id, state, at, attempts)
);

CREATE TABLE edge_agent.decisions (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  site       text COLLATE "C" NOT NULL,
  at         timestamptz NOT NULL,
  actuator   text COLLATE "C" NOT NULL,
  action     text NOT NULL,
  value      double precision,
  plan       text,
  verdict    text NOT NULL,
  reason     text NOT NULL,
  alarms     json NOT NULL,  -- the alarms with the readings that raised them
  checks     json NOT NULL,  -- what was looked at before
  command_id text COLLATE "C"
);
-- NULLs differ from each other in a unique index, hence the stand-ins; a long reason does not fit into one.
CREATE UNIQUE INDEX decisions_once ON edge_agent.decisions
  (site, at, actuator, verdict, action, coalesce(value, -1), coalesce(plan, ''), coalesce(command_id, ''), md5(reason));
CREATE INDEX decisions_by_command ON edge_agent.decisions (site, command_id) WHERE command_id IS NOT NULL;

-- What must survive a restart about actuators and plans.

CREATE TABLE edge_agent.memories (
  site text COLLATE "C" NOT NULL,
  kind text NOT NULL,  -- actuator, plan
  name text COLLATE "C" NOT NULL,
  body json NOT NULL,
  PRIMARY KEY (site, kind, name)
);
