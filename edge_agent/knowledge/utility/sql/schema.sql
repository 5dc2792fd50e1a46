-- name: lock
SELECT pg_advisory_xact_lock(hashtext('edge_agent'), hashtext('schema'))

-- name: known
SELECT to_regclass('edge_agent.schema_versions') IS NOT NULL

-- name: make_schema
CREATE SCHEMA IF NOT EXISTS edge_agent

-- name: make_versions
CREATE TABLE IF NOT EXISTS edge_agent.schema_versions (
  version     integer PRIMARY KEY,
  migrated_at timestamptz NOT NULL DEFAULT clock_timestamp()
)

-- name: version
SELECT coalesce(max(version), 0) FROM edge_agent.schema_versions

-- name: reached
INSERT INTO edge_agent.schema_versions (version) VALUES (%s)
