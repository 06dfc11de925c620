-- What a worker may still hold and core no longer wants: written in the transaction that deletes a collection (or that
-- begins to create one, as its undo), removed when the worker has dropped it. So nothing is orphaned while ai is down.
CREATE TABLE tai_collection_drops (
    collection_id  VARCHAR(36)  NOT NULL PRIMARY KEY,
    worker_id      VARCHAR(36)  NOT NULL,
    -- Not before; a creation has this long to finish.
    due_at         TIMESTAMPTZ  NOT NULL,
    attempts       INTEGER      NOT NULL DEFAULT 0,
    last_error     TEXT,
    created_at     TIMESTAMPTZ  NOT NULL
);
CREATE INDEX ix_tai_collection_drops_due_at ON tai_collection_drops (due_at);

-- provider/name of the bound model, which never changes while a collection uses it.
ALTER TABLE tai_vector_collections ADD COLUMN model VARCHAR(151);
