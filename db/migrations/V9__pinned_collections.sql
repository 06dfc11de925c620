-- Whether a collection stays in its worker's memory however long nobody uses it.
ALTER TABLE tai_vector_collections ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
