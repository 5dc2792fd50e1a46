-- Each statement that writes takes the site and then one array a column, in the order of the rows in rows.Batch.

-- name: make_months
SELECT edge_agent.make_months(ARRAY(SELECT edge_agent.instant(at) FROM unnest(%s::bigint[]) AS at))

-- name: patiently
SET LOCAL statement_timeout = '60s'

-- name: make_months_ahead
SELECT edge_agent.make_months(ARRAY[now(), now() + interval '31 days'])

-- name: keep_readings
INSERT INTO edge_agent.sites (site, readings_keep_days) VALUES (%s, %s)
ON CONFLICT (site) DO UPDATE SET readings_keep_days = excluded.readings_keep_days

-- name: drop_readings
SELECT edge_agent.drop_old_readings()

-- name: insert_reading
INSERT INTO edge_agent.readings (site, node, sensor, unit, observed_at, seq, value, received_at, flag, tests)
SELECT %s, r.node, r.sensor, r.unit, edge_agent.instant(r.observed_at), r.seq, r.value,
       edge_agent.instant(r.received_at), r.flag, r.tests
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::double precision[], %s::bigint[],
            %s::smallint[], %s::bigint[])
  AS r (node, sensor, unit, observed_at, seq, value, received_at, flag, tests)
ON CONFLICT DO NOTHING

-- name: settle_reading
SELECT edge_agent.judge_readings(false, %s, %s::smallint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
                                 %s::bigint[], %s::bigint[])

-- A reading that was there before, not yet judged, and came again: it takes the judgement, never loses one.
-- name: settle_unjudged_reading
SELECT edge_agent.judge_readings(true, %s, %s::smallint[], %s::bigint[], %s::text[], %s::text[], %s::text[],
                                 %s::bigint[], %s::bigint[])

-- name: insert_dead_letter
INSERT INTO edge_agent.dead_letters (site, received_at, reason, topic, payload, digest, ordinal)
SELECT %s, edge_agent.instant(d.at), d.reason, d.topic, d.payload, d.digest, d.ordinal
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::integer[])
  AS d (at, reason, topic, payload, digest, ordinal)
ON CONFLICT DO NOTHING

-- name: insert_alarm_event
INSERT INTO edge_agent.alarm_events (site, node, sensor, threshold, event, at, value, by, reason)
SELECT %s, e.node, e.sensor, e.threshold, e.event, edge_agent.instant(e.at), e.value, e.by, e.reason
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::double precision[], %s::text[],
            %s::text[])
  AS e (node, sensor, threshold, event, at, value, by, reason)
ON CONFLICT DO NOTHING

-- name: put_alarm
INSERT INTO edge_agent.alarms
  (site, node, sensor, threshold, priority, active, acknowledged, since, reason, value, limit_value, unit,
   shelved_until, evidence)
SELECT %s, a.node, a.sensor, a.threshold, a.priority, a.active, a.acknowledged, edge_agent.instant(a.since), a.reason,
       a.value, a.limit_value, a.unit, edge_agent.instant(a.shelved_until), a.evidence
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[], %s::bigint[], %s::text[],
            %s::double precision[], %s::double precision[], %s::text[], %s::bigint[], %s::json[])
  AS a (node, sensor, threshold, priority, active, acknowledged, since, reason, value, limit_value, unit,
        shelved_until, evidence)
ON CONFLICT (site, node, sensor, threshold) DO UPDATE SET
  priority = excluded.priority, active = excluded.active, acknowledged = excluded.acknowledged,
  since = excluded.since, reason = excluded.reason, value = excluded.value, limit_value = excluded.limit_value,
  unit = excluded.unit, shelved_until = excluded.shelved_until, evidence = excluded.evidence

-- name: rest_alarm
DELETE FROM edge_agent.alarms AS a
USING (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[], %s::text[]) AS u (node, sensor, threshold)) AS r
WHERE (a.site, a.node, a.sensor, a.threshold) = (r.site, r.node, r.sensor, r.threshold)

-- name: insert_decision
INSERT INTO edge_agent.decisions
  (site, at, actuator, action, value, plan, verdict, reason, alarms, checks, command_id)
SELECT %s, edge_agent.instant(d.at), d.actuator, d.action, d.value, d.plan, d.verdict, d.reason, d.alarms, d.checks,
       d.command_id
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::double precision[], %s::text[], %s::text[], %s::text[],
            %s::json[], %s::json[], %s::text[])
  AS d (at, actuator, action, value, plan, verdict, reason, alarms, checks, command_id)
ON CONFLICT DO NOTHING

-- The command's own word for its site is that of the store.
-- name: insert_command
INSERT INTO edge_agent.commands
  (site, id, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason)
SELECT %s, c.id, c.node, c.actuator, c.action, c.value, edge_agent.instant(c.issued_at),
       edge_agent.instant(c.expires_at), c.lease_seconds, c.epoch, c.counter, c.plan, c.reason
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::double precision[], %s::bigint[],
            %s::bigint[], %s::double precision[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
  AS c (id, its_site, node, actuator, action, value, issued_at, expires_at, lease_seconds, epoch, counter, plan, reason)
ON CONFLICT DO NOTHING

-- name: insert_command_event
INSERT INTO edge_agent.command_events (site, command_id, state, at, attempts, detail)
SELECT %s, e.command_id, e.state, edge_agent.instant(e.at), e.attempts, e.detail
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::integer[], %s::text[])
  AS e (command_id, state, at, attempts, detail)
ON CONFLICT DO NOTHING

-- An outcome stands, and an accepted command does not go back to published.
-- name: advance_command
UPDATE edge_agent.commands AS c
SET state = CASE WHEN c.state = 'accepted' AND e.state IN ('decided', 'published') THEN c.state ELSE e.state END,
    attempts = greatest(c.attempts, e.attempts),
    closed_at = edge_agent.instant(e.closed_at)
FROM (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::bigint[])
        AS u (id, state, attempts, closed_at)) AS e
WHERE (c.site, c.id) = (e.site, e.id) AND c.state IN ('decided', 'published', 'accepted')

-- name: put_memory
INSERT INTO edge_agent.memories (site, kind, name, body)
SELECT %s, m.kind, m.name, m.body FROM unnest(%s::text[], %s::text[], %s::json[]) AS m (kind, name, body)
ON CONFLICT (site, kind, name) DO UPDATE SET body = excluded.body

-- The last three of each sensor, oldest first. The key is walked from one series to the next. Not those in a unit the
-- plant file has given up: their values would be taken for the new unit's. Not those from more than a minute after
-- their receipt: they would stay the latest for ever.
