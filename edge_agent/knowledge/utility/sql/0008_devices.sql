-- Devices that speak a language of their own: where they say what, and how they are commanded. All of it JSON.

ALTER TABLE edge_agent.nodes ADD COLUMN status jsonb;
ALTER TABLE edge_agent.sensors ADD COLUMN source jsonb;
ALTER TABLE edge_agent.actuators ADD COLUMN wiring jsonb;
