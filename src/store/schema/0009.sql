-- Searches that the team keeps by name; each field is that of the inbox's address.
CREATE TABLE saved_searches (
  name       TEXT PRIMARY KEY,
  query      TEXT NOT NULL,
  range      TEXT NOT NULL,
  scope      TEXT NOT NULL,
  sort       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
