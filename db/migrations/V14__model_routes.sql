-- Names that callers use in the place of a model: where their calls go stands in the definition, a JSON object.
CREATE TABLE tai_model_routes (
    id           VARCHAR(36)   NOT NULL PRIMARY KEY,
    name         VARCHAR(100)  NOT NULL,
    description  VARCHAR(500),
    strategy     VARCHAR(20)   NOT NULL,
    definition   TEXT          NOT NULL,
    created_at   TIMESTAMPTZ   NOT NULL,
    updated_at   TIMESTAMPTZ   NOT NULL,
    CONSTRAINT uq_tai_model_routes_name UNIQUE (name),
    CONSTRAINT ck_tai_model_routes_strategy
        CHECK (strategy IN ('weighted', 'round_robin', 'least_busy', 'lowest_latency', 'lowest_cost'))
);
