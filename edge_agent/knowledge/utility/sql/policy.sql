-- name: policy_channel
LISTEN edge_agent_policy

-- name: snapshot
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- Whatever anybody did to a row changes its hash; the order of the rows does not count. The revision tells the order.
-- name: policy_version
SELECT coalesce((SELECT revision FROM edge_agent.policy_revisions WHERE site = %(site)s), 0),
       (SELECT coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM edge_agent.thresholds AS t
        WHERE site = %(site)s)
       || ' ' ||
       (SELECT coalesce(sum(hashtextextended(p::text, 0)), 0)::text FROM edge_agent.plans AS p WHERE site = %(site)s)
       || ' ' ||
       (SELECT coalesce(sum(hashtextextended(o::text, 0)), 0)::text FROM edge_agent.provisions AS o
        WHERE site = %(site)s)

-- Nodes, sensors and actuators have no triggers: who applies a plant says so.
-- name: tell_policy
SELECT pg_notify('edge_agent_policy', %s)

-- name: policy_key
SELECT key FROM edge_agent.policy_key

-- name: applied
SELECT applied FROM edge_agent.sites WHERE site = %s

-- Also the lock that lets one gateway apply at a time.
-- name: set_applied
INSERT INTO edge_agent.sites (site, applied) VALUES (%s, %s)
ON CONFLICT (site) DO UPDATE SET applied = excluded.applied

-- name: nodes
SELECT node, timestamps, status::text, label FROM edge_agent.nodes WHERE site = %s

-- name: sensors
SELECT node, sensor, quantity, unit, interval_seconds, quality::text, source::text, derived::text, label
FROM edge_agent.sensors
WHERE site = %s

-- name: actuators
SELECT node, actuator, kind, fail_safe, min_on_seconds, min_off_seconds, max_starts_per_hour, lease_seconds,
       ack_timeout_seconds, command_ttl_seconds, hand, unexpected_retries, lock_out_after, power_return_seconds::text,
       wiring::text, expect::text, rated_kw, ramp_seconds, label
FROM edge_agent.actuators WHERE site = %s

-- name: thresholds
SELECT node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, measure,
       parameters::text, side, alarm
FROM edge_agent.thresholds WHERE site = %s

-- name: plans
SELECT plan, when_alarms::text, steps::text, unless_alarms::text, priority, cooldown_seconds, evidence_seconds,
       without_evidence::text, trip, latch, kind, parameters::text
FROM edge_agent.plans WHERE site = %s

-- name: provisions
SELECT kind, provision, parameters::text FROM edge_agent.provisions WHERE site = %s

-- name: counted
SELECT (SELECT count(*) FROM edge_agent.nodes WHERE site = %(site)s)
     + (SELECT count(*) FROM edge_agent.sensors WHERE site = %(site)s)
     + (SELECT count(*) FROM edge_agent.actuators WHERE site = %(site)s)
     + (SELECT count(*) FROM edge_agent.thresholds WHERE site = %(site)s)
     + (SELECT count(*) FROM edge_agent.plans WHERE site = %(site)s)
     + (SELECT count(*) FROM edge_agent.provisions WHERE site = %(site)s)

-- Of the present transaction, the work of its deferred triggers at the commit included.
-- name: take_your_time
SELECT set_config('statement_timeout', %s, true)

-- name: put_node
INSERT INTO edge_agent.nodes (site, node, timestamps, status, label)
SELECT %s, n.node, n.timestamps, n.status, n.label
FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[]) AS n (node, timestamps, status, label)
ON CONFLICT (site, node) DO UPDATE SET
  timestamps = excluded.timestamps, status = excluded.status, label = excluded.label

-- name: put_sensor
INSERT INTO edge_agent.sensors (site, node, sensor, quantity, unit, interval_seconds, quality, source, derived, label)
SELECT %s, s.node, s.sensor, s.quantity, s.unit, s.interval_seconds, s.quality, s.source, s.derived, s.label
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::double precision[], %s::jsonb[],
            %s::jsonb[], %s::jsonb[], %s::text[])
  AS s (node, sensor, quantity, unit, interval_seconds, quality, source, derived, label)
ON CONFLICT (site, node, sensor) DO UPDATE SET
  quantity = excluded.quantity, unit = excluded.unit, interval_seconds = excluded.interval_seconds,
  quality = excluded.quality, source = excluded.source, derived = excluded.derived, label = excluded.label

-- name: put_actuator
INSERT INTO edge_agent.actuators
  (site, node, actuator, kind, fail_safe, min_on_seconds, min_off_seconds, max_starts_per_hour, lease_seconds,
   ack_timeout_seconds, command_ttl_seconds, hand, unexpected_retries, lock_out_after, power_return_seconds,
   wiring, expect, rated_kw, ramp_seconds, label)
SELECT %s, a.node, a.actuator, a.kind, a.fail_safe, a.min_on, a.min_off, a.max_starts, a.lease, a.ack_timeout, a.ttl,
       a.hand, a.retries, a.lock_out, a.power_return, a.wiring, a.expect, a.rated_kw, a.ramp_seconds, a.label
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::double precision[], %s::double precision[],
            %s::integer[], %s::double precision[], %s::double precision[], %s::double precision[], %s::text[],
            %s::integer[], %s::integer[], %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::double precision[],
            %s::double precision[], %s::text[])
  AS a (node, actuator, kind, fail_safe, min_on, min_off, max_starts, lease, ack_timeout, ttl, hand, retries, lock_out,
        power_return, wiring, expect, rated_kw, ramp_seconds, label)
ON CONFLICT (site, node, actuator) DO UPDATE SET
  kind = excluded.kind, fail_safe = excluded.fail_safe, min_on_seconds = excluded.min_on_seconds,
  min_off_seconds = excluded.min_off_seconds, max_starts_per_hour = excluded.max_starts_per_hour,
  lease_seconds = excluded.lease_seconds, ack_timeout_seconds = excluded.ack_timeout_seconds,
  command_ttl_seconds = excluded.command_ttl_seconds, hand = excluded.hand,
  unexpected_retries = excluded.unexpected_retries, lock_out_after = excluded.lock_out_after,
  power_return_seconds = excluded.power_return_seconds, wiring = excluded.wiring,
  expect = excluded.expect, rated_kw = excluded.rated_kw, ramp_seconds = excluded.ramp_seconds, label = excluded.label

-- name: put_threshold
INSERT INTO edge_agent.thresholds
  (site, node, sensor, name, limit_value, deadband, on_delay_seconds, off_delay_seconds, priority, measure, parameters,
   side, alarm)
SELECT %s, t.node, t.sensor, t.name, t.limit_value, t.deadband, t.on_delay, t.off_delay, t.priority, t.measure,
       t.parameters, t.side, t.alarm
FROM unnest(%s::text[], %s::text[], %s::text[], %s::double precision[], %s::double precision[],
            %s::double precision[], %s::double precision[], %s::text[], %s::text[], %s::jsonb[], %s::text[],
            %s::boolean[])
  AS t (node, sensor, name, limit_value, deadband, on_delay, off_delay, priority, measure, parameters, side, alarm)
ON CONFLICT (site, node, sensor, name) DO UPDATE SET
  limit_value = excluded.limit_value, deadband = excluded.deadband, on_delay_seconds = excluded.on_delay_seconds,
  off_delay_seconds = excluded.off_delay_seconds, priority = excluded.priority, measure = excluded.measure,
  parameters = excluded.parameters, side = excluded.side, alarm = excluded.alarm

-- name: put_plan
INSERT INTO edge_agent.plans
  (site, plan, when_alarms, steps, unless_alarms, priority, cooldown_seconds, evidence_seconds, without_evidence, trip,
   latch, kind, parameters)
SELECT %s, p.plan, p.when_alarms, p.steps, p.unless_alarms, p.priority, p.cooldown_seconds, p.evidence_seconds,
       p.without_evidence, p.trip, p.latch, p.kind, p.parameters
FROM unnest(%s::text[], %s::jsonb[], %s::jsonb[], %s::jsonb[], %s::integer[], %s::double precision[],
            %s::double precision[], %s::jsonb[], %s::boolean[], %s::boolean[], %s::text[], %s::jsonb[])
  AS p (plan, when_alarms, steps, unless_alarms, priority, cooldown_seconds, evidence_seconds, without_evidence, trip,
        latch, kind, parameters)
ON CONFLICT (site, plan) DO UPDATE SET
  when_alarms = excluded.when_alarms, steps = excluded.steps, unless_alarms = excluded.unless_alarms,
  priority = excluded.priority, cooldown_seconds = excluded.cooldown_seconds,
  evidence_seconds = excluded.evidence_seconds, without_evidence = excluded.without_evidence, trip = excluded.trip,
  latch = excluded.latch, kind = excluded.kind, parameters = excluded.parameters

-- name: put_provision
INSERT INTO edge_agent.provisions (site, kind, provision, parameters)
SELECT %s, o.kind, o.provision, o.parameters
FROM unnest(%s::text[], %s::text[], %s::jsonb[]) AS o (kind, provision, parameters)
ON CONFLICT (site, kind, provision) DO UPDATE SET parameters = excluded.parameters

-- name: remove_node
DELETE FROM edge_agent.nodes AS n
USING (SELECT %s::text AS site, * FROM unnest(%s::text[]) AS u (node)) AS r
WHERE (n.site, n.node) = (r.site, r.node)

-- name: remove_sensor
DELETE FROM edge_agent.sensors AS s
USING (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[]) AS u (node, sensor)) AS r
WHERE (s.site, s.node, s.sensor) = (r.site, r.node, r.sensor)

-- name: remove_actuator
DELETE FROM edge_agent.actuators AS a
USING (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[]) AS u (node, actuator)) AS r
WHERE (a.site, a.node, a.actuator) = (r.site, r.node, r.actuator)

-- name: remove_threshold
DELETE FROM edge_agent.thresholds AS t
USING (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[], %s::text[]) AS u (node, sensor, name)) AS r
WHERE (t.site, t.node, t.sensor, t.name) = (r.site, r.node, r.sensor, r.name)

-- name: remove_plan
DELETE FROM edge_agent.plans AS p
USING (SELECT %s::text AS site, * FROM unnest(%s::text[]) AS u (plan)) AS r
WHERE (p.site, p.plan) = (r.site, r.plan)

-- name: remove_provision
DELETE FROM edge_agent.provisions AS o
USING (SELECT %s::text AS site, * FROM unnest(%s::text[], %s::text[]) AS u (kind, provision)) AS r
WHERE (o.site, o.kind, o.provision) = (r.site, r.kind, r.provision)
