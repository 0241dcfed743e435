-- Urgency of an analysis: 0 nothing to answer, 1 some time, 2 waiting or blocked, 3 now.
ALTER TABLE analyses ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0 CHECK (urgency BETWEEN 0 AND 3);
