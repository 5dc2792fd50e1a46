-- Which policy is newer: each transaction that changes thresholds or plans of a site raises the site's revision by one.
-- A gateway that cannot reach this database tells by it whether what the shared cache holds is newer than what it knows.

CREATE TABLE edge_agent.policy_revisions (
  site        text COLLATE "C" PRIMARY KEY,
  revision    bigint NOT NULL,
  transaction xid8 NOT NULL,         -- who raised it last: once a transaction is enough
  began_at    timestamptz NOT NULL   -- told with it, since another server counts its transactions anew
);

INSERT INTO edge_agent.policy_revisions (site, revision, transaction, began_at)
SELECT site, 1, pg_current_xact_id(), now()
FROM (SELECT site FROM edge_agent.sites UNION SELECT site FROM edge_agent.thresholds
      UNION SELECT site FROM edge_agent.plans) AS known;

-- With this key gateways seal what they put into the cache: whoever may write there but not read here cannot forge it.

CREATE TABLE edge_agent.policy_key (
  alone boolean PRIMARY KEY DEFAULT true CHECK (alone),
  key   bytea NOT NULL CHECK (length(key) = 32)
);

INSERT INTO edge_agent.policy_key (key) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

CREATE FUNCTION edge_agent.raise_policy_revision(changed text) RETURNS void LANGUAGE sql AS $$
  INSERT INTO edge_agent.policy_revisions AS known (site, revision, transaction, began_at)
  VALUES (changed, 1, pg_current_xact_id(), now())
  ON CONFLICT (site) DO UPDATE
  SET revision = known.revision + 1, transaction = excluded.transaction, began_at = excluded.began_at
  WHERE (known.transaction, known.began_at) IS DISTINCT FROM (excluded.transaction, excluded.began_at)
$$;

-- With the rights of the schema's owner: who may change thresholds need not have any on the revisions.

CREATE FUNCTION edge_agent.count_policy() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM edge_agent.raise_policy_revision(site) FROM edge_agent.policy_revisions ORDER BY site;
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    PERFORM edge_agent.raise_policy_revision(OLD.site);
  END IF;
  IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR NEW.site <> OLD.site) THEN
    PERFORM edge_agent.raise_policy_revision(NEW.site);
  END IF;
  RETURN NULL;
END
$$;

-- Deferred to the commit, so that two people who change different thresholds do not wait for each other before.

CREATE CONSTRAINT TRIGGER thresholds_counted AFTER INSERT OR UPDATE OR DELETE ON edge_agent.thresholds
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION edge_agent.count_policy();
CREATE CONSTRAINT TRIGGER plans_counted AFTER INSERT OR UPDATE OR DELETE ON edge_agent.plans
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION edge_agent.count_policy();
CREATE TRIGGER thresholds_emptied_counted AFTER TRUNCATE ON edge_agent.thresholds
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.count_policy();
CREATE TRIGGER plans_emptied_counted AFTER TRUNCATE ON edge_agent.plans
  FOR EACH STATEMENT EXECUTE FUNCTION edge_agent.count_policy();
