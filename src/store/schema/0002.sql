-- Urgency of an analysis: 0 nothing to answer, 1 some time, 2 waiting or blocked, 3 now.
ALTER TABLE analyses ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0 CHECK (urgency BETWEEN 0 AND 3);

-- What people say of posts where the model was wrong; applied to each analysis that is written.
CREATE TABLE corrections (
  post         INTEGER PRIMARY KEY REFERENCES posts (row) ON DELETE CASCADE,
  correction   TEXT NOT NULL,         -- JSON: {"sentiment":"..","intents":[..],"urgency":n}, each optional
  corrected_at INTEGER NOT NULL
) STRICT;
