-- Endpoints that were made by API. What must stay secret (where they are, what is signed with) is sealed with a key that is
-- not in the store.
CREATE TABLE managed_endpoints (
  endpoint   TEXT PRIMARY KEY,
  settings   TEXT NOT NULL CHECK (json_valid(settings)),
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
