-- What needs the rights of the schema's owner is done with them: an agent's role that may only read and write rows can
-- have months of readings made and dropped. Whoever may use the schema may call these; they take no table's name, and
-- drop only what every site has kept long enough.

ALTER FUNCTION edge_agent.make_months(timestamptz[]) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

CREATE FUNCTION edge_agent.drop_old_readings() RETURNS integer LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  kept    integer;
  cutoff  timestamptz;
  dropped integer;
BEGIN
  -- Partitions are of all sites together: whoever keeps longest decides.
  SELECT max(readings_keep_days) INTO kept FROM edge_agent.sites HAVING bool_and(readings_keep_days IS NOT NULL);
  IF kept IS NULL THEN
    RETURN 0;
  END IF;
  cutoff := now() - make_interval(days => kept);
  IF edge_agent.readings_are_partitioned() THEN
    RETURN edge_agent.drop_readings_before(cutoff);
  END IF;
  EXECUTE format('SELECT count(*) FROM %I.drop_chunks(%L::regclass, $1)',
                 (SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
                  WHERE e.extname = 'timescaledb'),
                 'edge_agent.readings') INTO dropped USING cutoff;
  RETURN dropped;
END
$$;

-- What only the function above is to call.
REVOKE EXECUTE ON FUNCTION edge_agent.drop_readings_before(timestamptz) FROM PUBLIC;
