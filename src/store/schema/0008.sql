-- Names that a model of one's own found in a text, as JSON; NULL where there are none.
ALTER TABLE analyses ADD COLUMN entities TEXT;
