-- Provisions: named tables of the plant file beside the plans, which these refer to. And what sensors and equipment got
-- with them: values that come from other sensors, proof of effect, size, ramp, names for people.

CREATE TABLE edge_agent.provisions (
  site       text COLLATE "C" NOT NULL,
  kind       text COLLATE "C" NOT NULL,
  provision  text COLLATE "C" NOT NULL,
  parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),  -- the keys of its kind
  version    bigint NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (site, kind, provision)
);

CREATE TRIGGER provisions_version BEFORE UPDATE ON edge_agent.provisions
  FOR EACH ROW EXECUTE FUNCTION edge_agent.new_version();
CREATE TRIGGER provisions_told AFTER INSERT OR UPDATE OR DELETE ON edge_agent.provisions
  FOR EACH ROW EXECUTE FUNCTION edge_agent.tell_policy();
CREATE TRIGGER provisions_emptied AFTER TRUNCATE ON edge_agent.provisions
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.tell_policy();
CREATE CONSTRAINT TRIGGER provisions_counted AFTER INSERT OR UPDATE OR DELETE ON edge_agent.provisions
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION edge_agent.count_policy();
CREATE TRIGGER provisions_emptied_counted AFTER TRUNCATE ON edge_agent.provisions
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.count_policy();

ALTER TABLE edge_agent.nodes ADD COLUMN label text;
ALTER TABLE edge_agent.sensors ADD COLUMN derived jsonb, ADD COLUMN label text;
ALTER TABLE edge_agent.actuators
  ADD COLUMN expect jsonb, ADD COLUMN rated_kw double precision, ADD COLUMN ramp_seconds double precision NOT NULL DEFAULT 0,
  ADD COLUMN label text;
