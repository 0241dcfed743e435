-- Deliveries of one lane go out one after the other, in the order of their events: a customer's, where the endpoint wants it.
ALTER TABLE deliveries ADD COLUMN lane TEXT;
CREATE INDEX deliveries_lane ON deliveries (endpoint, lane, event) WHERE state = 'pending' AND lane IS NOT NULL;

-- Endpoints to which a person lets nothing go out for now; their deliveries wait.
CREATE TABLE paused_endpoints (
  endpoint TEXT PRIMARY KEY,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
