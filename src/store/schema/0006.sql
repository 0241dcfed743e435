-- People. A session is a browser of theirs; both the session's and the user's end close the door.
CREATE TABLE users (
  name        TEXT PRIMARY KEY,
  role        TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash       BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the cookie's secret
  user       TEXT NOT NULL REFERENCES users (name),
  created_at INTEGER NOT NULL,
  ends_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who changed what. Each row's hash covers the row and the hash before it, so that no row can be changed, put in or taken out
-- unnoticed, but for the last ones.
CREATE TABLE audit (
  seq     INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  subject TEXT NOT NULL,
  outcome TEXT NOT NULL,
  hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
