-- Names that lead to one version of a model, such as champion: moved by one statement, gone with their model.
CREATE TABLE tai_model_aliases (
    model_id    VARCHAR(36)  NOT NULL,
    alias       VARCHAR(50)  NOT NULL,
    version     VARCHAR(20)  NOT NULL,
    created_at  TIMESTAMPTZ  NOT NULL,
    updated_at  TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (model_id, alias),
    FOREIGN KEY (model_id, version) REFERENCES tai_model_versions (model_id, version) ON DELETE CASCADE
);
CREATE INDEX ix_tai_model_aliases_model_version ON tai_model_aliases (model_id, version);
