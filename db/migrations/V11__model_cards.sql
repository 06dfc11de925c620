-- What people say of a model: JSON objects, tags of text to text, and the card.
ALTER TABLE tai_models ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tai_models ADD COLUMN card TEXT;

-- What was measured of a version, by an evaluation task or by hand.
CREATE TABLE tai_model_evaluations (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    model_id       VARCHAR(36)  NOT NULL,
    version        VARCHAR(20)  NOT NULL,
    source         VARCHAR(10)  NOT NULL CHECK (source IN ('task', 'hand')),
    task_id        VARCHAR(36),
    collection_id  VARCHAR(36),
    dataset        VARCHAR(200),
    metrics        TEXT         NOT NULL,
    notes          TEXT,
    created_at     TIMESTAMPTZ  NOT NULL,
    FOREIGN KEY (model_id, version) REFERENCES tai_model_versions (model_id, version) ON DELETE CASCADE
);
CREATE INDEX ix_tai_model_evaluations_model ON tai_model_evaluations (model_id, created_at);
CREATE INDEX ix_tai_model_evaluations_model_version ON tai_model_evaluations (model_id, version);
-- A task that is done again after a crash tells its result once.
CREATE UNIQUE INDEX ux_tai_model_evaluations_task ON tai_model_evaluations (task_id);
