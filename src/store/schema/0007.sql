-- Monitors that were made by API or on the page.
CREATE TABLE managed_monitors (
  monitor    TEXT PRIMARY KEY,
  query      TEXT NOT NULL,
  brand      TEXT,
  role       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
