-- Each query of many rows is read page by page: it starts after the last row it gave, whose place in the order stands
-- in its first columns. No read stays open between two pages.

-- name: readings
SELECT edge_agent.microseconds(observed_at), node, sensor, unit, seq, node, sensor, value,
       edge_agent.microseconds(observed_at), edge_agent.microseconds(received_at), nullif(seq, -1), flag, tests, unit
FROM edge_agent.readings
WHERE site = %(site)s AND observed_at >= edge_agent.instant(%(at)s)  -- without this line no month is left out
  AND (observed_at, node, sensor, unit, seq)
      > (edge_agent.instant(%(at)s), %(second)s::text, %(third)s::text, %(fourth)s::text, %(fifth)s::bigint)
  AND (%(node)s::text IS NULL OR node = %(node)s)
ORDER BY observed_at, node, sensor, unit, seq LIMIT %(size)s

-- name: alarms
SELECT edge_agent.microseconds(at), id, node, sensor, threshold, event, edge_agent.microseconds(at), value, by, reason
FROM edge_agent.alarm_events
WHERE site = %(site)s AND (at, id) > (edge_agent.instant(%(at)s), %(second)s)
  AND (%(node)s::text IS NULL OR node = %(node)s)
ORDER BY at, id LIMIT %(size)s

-- name: commands
SELECT edge_agent.microseconds(issued_at), number, id, site, node, actuator, action, value,
       edge_agent.microseconds(issued_at), edge_agent.microseconds(expires_at), lease_seconds, epoch, counter, plan,
       reason, state, attempts, edge_agent.microseconds(closed_at)
FROM edge_agent.commands
WHERE site = %(site)s AND (issued_at, number) > (edge_agent.instant(%(at)s), %(second)s)
  AND (%(node)s::text IS NULL OR node = %(node)s)
ORDER BY issued_at, number LIMIT %(size)s

-- name: dead_letters
SELECT edge_agent.microseconds(received_at), id, reason, topic, payload, edge_agent.microseconds(received_at)
FROM edge_agent.dead_letters
WHERE site = %(site)s AND (received_at, id) > (edge_agent.instant(%(at)s), %(second)s)
  AND (%(node)s::text IS NULL
       OR strpos('/' || topic || '/', '/' || %(site)s::text || '/' || %(node)s::text || '/') > 0)
ORDER BY received_at, id LIMIT %(size)s

-- name: command
SELECT id, site, node, actuator, action, value, edge_agent.microseconds(issued_at),
       edge_agent.microseconds(expires_at), lease_seconds, epoch, counter, plan, reason, state, attempts,
       edge_agent.microseconds(closed_at)
FROM edge_agent.commands WHERE site = %s AND id = %s

-- name: command_events
SELECT command_id, state, edge_agent.microseconds(at), attempts, detail FROM edge_agent.command_events
WHERE site = %s AND command_id = %s ORDER BY id

-- name: decision_of_command
SELECT edge_agent.microseconds(at), actuator, action, value, plan, verdict, reason, checks::text, alarms::text
FROM edge_agent.decisions WHERE site = %s AND command_id = %s ORDER BY id LIMIT 1
