-- Devices that speak a language of their own: where they say what, and how they are commanded. All of it JSON.

ALTER TABLE nodes ADD COLUMN status TEXT CHECK (status IS NULL OR json_valid(status));
ALTER TABLE sensors ADD COLUMN source TEXT CHECK (source IS NULL OR json_valid(source));
ALTER TABLE actuators ADD COLUMN wiring TEXT CHECK (wiring IS NULL OR json_valid(wiring));
