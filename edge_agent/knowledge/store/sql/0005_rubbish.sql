-- Dead letters wait for PostgreSQL in parcels of their own: 1. They are given up before anything else.

ALTER TABLE spool ADD COLUMN rubbish INTEGER NOT NULL DEFAULT 0 CHECK (rubbish IN (0, 1));
CREATE INDEX spool_rubbish ON spool (id, at, rows, bytes) WHERE rubbish = 1;
