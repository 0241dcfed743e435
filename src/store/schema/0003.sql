-- WebSub: one subscription for each feed whose answer names a hub.
CREATE TABLE subscriptions (
  feed         TEXT PRIMARY KEY,               -- the URL that its sources ask for
  hub          TEXT NOT NULL,
  topic        TEXT NOT NULL,
  key          TEXT NOT NULL UNIQUE,           -- the part of the callback that nobody can guess
  secret       TEXT NOT NULL,                  -- what the hub signs with; of no use anywhere else
  base         TEXT NOT NULL DEFAULT '',       -- the public URL that the callback began with; '' before the first request
  next_ask_at  INTEGER NOT NULL,
  unconfirmed  INTEGER NOT NULL DEFAULT 0,     -- requests to the hub that it has not confirmed
  leased_until INTEGER,
  pushed_at    INTEGER,
  is_reliable  INTEGER NOT NULL DEFAULT 1,     -- 0 after a poll found what was not pushed, until the next push
  error        TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_next_ask_at ON subscriptions (next_ask_at);
