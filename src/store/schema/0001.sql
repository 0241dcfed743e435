-- The first schema. Forward only: never edit a numbered file that was released, add the next one.
--
-- Times are INTEGER microseconds since 1970-01-01T00:00:00Z. Hash ids (posts, authors, events) are
-- their 16 bytes, not the 37 characters that people see: they stand in rows and in indexes.
-- A 64-bit fingerprint is stored as the signed integer with the same bits.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Authors ---------------------------------------------------------------------------------------

CREATE TABLE authors (
  row        INTEGER PRIMARY KEY,
  id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  network    TEXT NOT NULL,
  scope      TEXT NOT NULL,
  native_id  TEXT NOT NULL,
  profile    INTEGER,               -- the current author_profiles row
  followers  INTEGER,
  first_seen INTEGER NOT NULL,
  last_seen  INTEGER NOT NULL       -- exact to an hour: see authors.rs
) STRICT;

-- What an author called themselves, and since when. A post points to the profile of its own time,
-- so that a new bio does not change ten thousand posts.
CREATE TABLE author_profiles (
  row          INTEGER PRIMARY KEY,
  author       INTEGER NOT NULL REFERENCES authors (row) ON DELETE CASCADE,
  handle       TEXT NOT NULL,
  display_name TEXT,
  url          TEXT,
  bio          TEXT,
  verified     INTEGER NOT NULL,
  seen_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX author_profiles_author ON author_profiles (author, seen_at);

-- The normalised identities of an author's current profile, to find authors for a customer.
CREATE TABLE author_identities (
  author  INTEGER NOT NULL REFERENCES authors (row) ON DELETE CASCADE,
  kind    TEXT NOT NULL,
  network TEXT NOT NULL,
  value   TEXT NOT NULL,
  PRIMARY KEY (author, kind, network, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX author_identities_value ON author_identities (value, kind, network);

-- Posts -----------------------------------------------------------------------------------------

-- No unique index on (network, scope, native_id): `id` is 128 bits of their hash, the store refuses
-- a post whose id does not follow from its key, and the index would cost some 80 bytes a post.
CREATE TABLE posts (
  row                 INTEGER PRIMARY KEY,
  id                  BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  network             TEXT NOT NULL,
  scope               TEXT NOT NULL,
  native_id           TEXT NOT NULL,
  source              TEXT NOT NULL,   -- the source that brought it first
  kind                TEXT NOT NULL,
  url                 TEXT,
  title               TEXT,
  text                TEXT NOT NULL,
  raw                 TEXT,            -- absent when equal to text
  language            TEXT NOT NULL,
  language_confidence REAL NOT NULL,
  author              INTEGER REFERENCES authors (row),
  profile             INTEGER REFERENCES author_profiles (row),
  followers           INTEGER,         -- of the author, when the post was last changed
  likes               INTEGER,
  replies             INTEGER,
  shares              INTEGER,
  rating              REAL,
  rating_best         REAL,
  parent_id           TEXT,
  thread_id           TEXT,
  repost_of           TEXT,
  links               TEXT,            -- JSON array, absent when empty
  published_at        INTEGER,
  fetched_at          INTEGER NOT NULL, -- the first time
  ordered_at          INTEGER NOT NULL,
  fingerprint         INTEGER NOT NULL,
  simhash             INTEGER,
  duplicate_of        INTEGER REFERENCES posts (row) ON DELETE SET NULL,
  matched             INTEGER NOT NULL DEFAULT 0  -- 1 when a monitor matches: mention_monitors has rows
) STRICT;
CREATE INDEX posts_ordered ON posts (ordered_at);
CREATE INDEX posts_author ON posts (author, ordered_at) WHERE author IS NOT NULL;
CREATE INDEX posts_profile ON posts (profile) WHERE profile IS NOT NULL;
CREATE INDEX posts_duplicate_of ON posts (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE INDEX posts_unmatched ON posts (fetched_at) WHERE matched = 0;
CREATE INDEX posts_fingerprint ON posts (fingerprint);
-- Two simhashes at most 3 bits apart share at least one of four bands of 16 bits.
CREATE INDEX posts_band_0 ON posts ( simhash        & 65535) WHERE simhash IS NOT NULL;
CREATE INDEX posts_band_1 ON posts ((simhash >> 16) & 65535) WHERE simhash IS NOT NULL;
CREATE INDEX posts_band_2 ON posts ((simhash >> 32) & 65535) WHERE simhash IS NOT NULL;
CREATE INDEX posts_band_3 ON posts ((simhash >> 48) & 65535) WHERE simhash IS NOT NULL;

CREATE TABLE post_versions (
  post        INTEGER NOT NULL REFERENCES posts (row) ON DELETE CASCADE,
  version     INTEGER NOT NULL,       -- 1 is the oldest
  replaced_at INTEGER NOT NULL,
  title       TEXT,
  text        TEXT NOT NULL,
  rating      REAL,
  rating_best REAL,
  PRIMARY KEY (post, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE post_sources (
  post     INTEGER NOT NULL REFERENCES posts (row) ON DELETE CASCADE,
  source   TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  last_at  INTEGER NOT NULL,          -- exact to an hour: see posts.rs
  PRIMARY KEY (post, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE engagement_readings (
  post    INTEGER NOT NULL REFERENCES posts (row) ON DELETE CASCADE,
  at      INTEGER NOT NULL,
  likes   INTEGER,
  replies INTEGER,
  shares  INTEGER,
  PRIMARY KEY (post, at)
) STRICT, WITHOUT ROWID;

-- Posts that were deleted, or dropped because nothing matched them: never stored again.
CREATE TABLE forgotten (
  id     BLOB PRIMARY KEY CHECK (length(id) = 16),
  at     INTEGER NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('deleted', 'unmatched'))
) STRICT, WITHOUT ROWID;

-- Analyses --------------------------------------------------------------------------------------

CREATE TABLE models (
  row INTEGER PRIMARY KEY,
  id  TEXT NOT NULL UNIQUE
) STRICT;

-- The names of a model's labels, once for all its analyses.
CREATE TABLE label_sets (
  row   INTEGER PRIMARY KEY,
  names TEXT NOT NULL UNIQUE          -- JSON: {"ekman":[..],"fine":[..],"intents":[..]}
) STRICT;

CREATE TABLE analyses (
  post      INTEGER PRIMARY KEY REFERENCES posts (row) ON DELETE CASCADE,
  model     INTEGER NOT NULL REFERENCES models (row),
  supported INTEGER NOT NULL,
  label     TEXT NOT NULL,
  score     REAL NOT NULL,
  negative  REAL NOT NULL,
  neutral   REAL NOT NULL,
  positive  REAL NOT NULL,
  label_set INTEGER NOT NULL REFERENCES label_sets (row),
  labels    BLOB NOT NULL             -- probabilities and flags in the set's order: see analyses.rs
) STRICT;

CREATE TABLE embeddings (
  post   INTEGER PRIMARY KEY REFERENCES posts (row) ON DELETE CASCADE,
  vector BLOB NOT NULL                -- one signed byte a dimension
) STRICT;

-- Mentions --------------------------------------------------------------------------------------

CREATE TABLE mentions (
  post       INTEGER PRIMARY KEY REFERENCES posts (row) ON DELETE CASCADE,
  ordered_at INTEGER NOT NULL,        -- of the post, for the index
  created_at INTEGER NOT NULL,
  revision   INTEGER NOT NULL DEFAULT 0, -- counts changes of content and of the set of monitors
  matched    INTEGER NOT NULL DEFAULT 1  -- 0 when it lost its last monitor; it may get one again
) STRICT;
CREATE INDEX mentions_ordered ON mentions (ordered_at) WHERE matched = 1;

CREATE TABLE mention_monitors (
  post       INTEGER NOT NULL REFERENCES posts (row) ON DELETE CASCADE,
  monitor    TEXT NOT NULL,
  ordered_at INTEGER NOT NULL,
  PRIMARY KEY (post, monitor)
) STRICT, WITHOUT ROWID;
CREATE INDEX mention_monitors_ordered ON mention_monitors (monitor, ordered_at, post);

-- Customers -------------------------------------------------------------------------------------

CREATE TABLE customers (
  row        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  segment    TEXT,
  value      REAL,
  tags       TEXT NOT NULL,           -- JSON array
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE identities (
  customer INTEGER NOT NULL REFERENCES customers (row) ON DELETE CASCADE,
  kind     TEXT NOT NULL CHECK (kind IN ('handle', 'url', 'email')),
  network  TEXT NOT NULL,             -- empty but for handles
  value    TEXT NOT NULL,
  PRIMARY KEY (customer, kind, network, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_value ON identities (value, kind, network);

CREATE TABLE links (
  author     INTEGER NOT NULL REFERENCES authors (row) ON DELETE CASCADE,
  customer   INTEGER NOT NULL REFERENCES customers (row) ON DELETE CASCADE,
  confidence REAL NOT NULL,
  evidence   TEXT NOT NULL,
  origin     TEXT NOT NULL CHECK (origin IN ('rule', 'person')),
  state      TEXT NOT NULL CHECK (state IN ('linked', 'suggested', 'refused')),
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (author, customer)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_customer ON links (customer, state, author);
CREATE INDEX links_suggested ON links (changed_at) WHERE state = 'suggested';

-- What followers read ---------------------------------------------------------------------------

-- One row a post, the latest change: reading from 0 is a rebuild. AUTOINCREMENT, because a number
-- that was handed out must never come back.
CREATE TABLE changes (
  seq  INTEGER PRIMARY KEY AUTOINCREMENT,
  post BLOB NOT NULL UNIQUE CHECK (length(post) = 16),
  op   TEXT NOT NULL CHECK (op IN ('insert', 'upsert', 'delete'))  -- insert: no follower saw the post yet
) STRICT;

CREATE TABLE followers (
  name TEXT PRIMARY KEY,
  seq  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The outbox ------------------------------------------------------------------------------------

CREATE TABLE events (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
  kind        TEXT NOT NULL,
  subject     TEXT NOT NULL,          -- JSON
  mention     BLOB,                   -- the post's id, when the subject is a mention
  occurred_at INTEGER NOT NULL,
  body        BLOB,                   -- absent until the first attempt freezes it
  withdrawn   INTEGER NOT NULL DEFAULT 0 -- 1 when what it tells of was deleted before it was sent
) STRICT;
CREATE INDEX events_mention ON events (mention) WHERE mention IS NOT NULL;

CREATE TABLE deliveries (
  endpoint        TEXT NOT NULL,
  event           INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts        INTEGER NOT NULL DEFAULT 0, -- all of them, across requeues
  tries           INTEGER NOT NULL DEFAULT 0, -- since it was queued or queued again: the place in the retry table
  first_queued_at INTEGER NOT NULL,
  queued_at       INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  last_attempt_at INTEGER,
  last_status     INTEGER,
  last_error      TEXT,
  PRIMARY KEY (endpoint, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (endpoint, next_attempt_at, event) WHERE state = 'pending';
CREATE INDEX deliveries_dead ON deliveries (endpoint, event) WHERE state = 'dead';
CREATE INDEX deliveries_event ON deliveries (event);

CREATE TABLE delivery_attempts (
  endpoint    TEXT NOT NULL,
  event       INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  status      INTEGER,
  error       TEXT,
  PRIMARY KEY (endpoint, event, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_attempts_event ON delivery_attempts (event);

CREATE TABLE endpoint_positions (
  endpoint TEXT PRIMARY KEY,
  seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Endpoints that answered that they want no more, as long as they have this address.
CREATE TABLE disabled_endpoints (
  endpoint TEXT PRIMARY KEY,
  address  BLOB NOT NULL CHECK (length(address) = 32), -- a hash: an address may hold a token
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sources ---------------------------------------------------------------------------------------

CREATE TABLE cursors (
  source   TEXT PRIMARY KEY,
  position TEXT,
  read     BLOB                       -- a hash of the validators of the answer that the source read last
) STRICT, WITHOUT ROWID;

CREATE TABLE http_state (
  url           TEXT NOT NULL,
  credential    TEXT NOT NULL,        -- its name, never its value
  etag          TEXT,
  last_modified TEXT,
  not_before    INTEGER,
  moved_to      TEXT,                 -- where permanent redirects led
  moved_seen    INTEGER NOT NULL DEFAULT 0, -- polls in a row
  PRIMARY KEY (url, credential)
) STRICT, WITHOUT ROWID;

CREATE TABLE source_status (
  source       TEXT PRIMARY KEY,
  kind         TEXT NOT NULL,
  state        TEXT NOT NULL,
  polled_at    INTEGER,
  succeeded_at INTEGER,
  next_poll_at INTEGER,
  error        TEXT,
  failures     INTEGER NOT NULL,
  posts        INTEGER NOT NULL,
  rejects      INTEGER NOT NULL,
  requests     INTEGER NOT NULL,
  not_before   INTEGER,
  pace_secs    INTEGER NOT NULL,
  rhythm       TEXT,                  -- JSON
  warning      TEXT,
  moved_to     TEXT,
  coverage     TEXT NOT NULL          -- JSON
) STRICT, WITHOUT ROWID;

-- Until when hosts and credentials must not be asked, as `fetch` names them.
CREATE TABLE holds (
  name  TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rejects (
  row       INTEGER PRIMARY KEY AUTOINCREMENT,
  source    TEXT NOT NULL,
  digest    BLOB NOT NULL,            -- of native id, reason and excerpt: one row for one reject, however often it is polled
  native_id TEXT,
  reason    TEXT NOT NULL,
  excerpt   TEXT NOT NULL,
  first_at  INTEGER NOT NULL,
  last_at   INTEGER NOT NULL,
  UNIQUE (source, digest)
) STRICT;
CREATE INDEX rejects_source ON rejects (source, row);

-- The rest --------------------------------------------------------------------------------------

CREATE TABLE digest_runs (
  digest TEXT NOT NULL,
  date   TEXT NOT NULL,               -- local, YYYY-MM-DD
  at     INTEGER NOT NULL,
  files  TEXT NOT NULL,               -- JSON array of paths
  PRIMARY KEY (digest, date)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_tokens (
  hash         BLOB PRIMARY KEY CHECK (length(hash) = 32), -- SHA-256 of the token
  name         TEXT NOT NULL UNIQUE,
  role         TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER,               -- exact to a minute
  revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
