-- Every name that leads to a collection: its own and its aliases, under one key, so that the database itself keeps one
-- name from leading to two. The reference does not cascade: what an alias still names can not be deleted.
CREATE TABLE tai_collection_names (
    name           VARCHAR(100) NOT NULL PRIMARY KEY,
    kind           VARCHAR(10)  NOT NULL CHECK (kind IN ('name', 'alias')),
    collection_id  VARCHAR(36)  NOT NULL REFERENCES tai_vector_collections (id),
    created_at     TIMESTAMPTZ  NOT NULL,
    updated_at     TIMESTAMPTZ  NOT NULL
);
CREATE INDEX ix_tai_collection_names_collection_id ON tai_collection_names (collection_id);
-- One own name each.
CREATE UNIQUE INDEX ux_tai_collection_names_own ON tai_collection_names (collection_id) WHERE kind = 'name';

INSERT INTO tai_collection_names (name, kind, collection_id, created_at, updated_at)
SELECT name, 'name', id, created_at, updated_at FROM tai_vector_collections;
