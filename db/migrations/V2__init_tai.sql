-- The schema of taishang-core. One text for PostgreSQL and SQLite: only types and constraints that both keep.
-- Times are UTC; JSON is kept as text; ids are UUIDv7 in 36 characters. Monthly tables are made by the running
-- system from db/monthly/, because their names depend on the month.

CREATE TABLE tai_models (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    name           VARCHAR(100) NOT NULL,
    provider       VARCHAR(50)  NOT NULL,
    version        VARCHAR(20)  NOT NULL,
    status         VARCHAR(20)  NOT NULL DEFAULT 'inactive'
                   CHECK (status IN ('active', 'inactive', 'deprecated')),
    status_reason  TEXT,
    endpoint       VARCHAR(255),
    config         TEXT         NOT NULL DEFAULT '{}',
    deprecated_at  TIMESTAMPTZ,
    retire_at      TIMESTAMPTZ,
    created_at     TIMESTAMPTZ  NOT NULL,
    updated_at     TIMESTAMPTZ  NOT NULL
);
CREATE UNIQUE INDEX ux_tai_models_name_provider ON tai_models (name, provider);
CREATE INDEX ix_tai_models_created_at ON tai_models (created_at);

-- A version never changes once written.
CREATE TABLE tai_model_versions (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    model_id       VARCHAR(36)  NOT NULL REFERENCES tai_models (id) ON DELETE CASCADE,
    version        VARCHAR(20)  NOT NULL,
    major          INTEGER      NOT NULL,
    endpoint       VARCHAR(255),
    config         TEXT         NOT NULL DEFAULT '{}',
    kind           VARCHAR(30),
    dims           INTEGER,
    checksum       VARCHAR(64),
    created_at     TIMESTAMPTZ  NOT NULL
);
CREATE UNIQUE INDEX ux_tai_model_versions_model_version ON tai_model_versions (model_id, version);

CREATE TABLE tai_vector_collections (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    name           VARCHAR(100) NOT NULL,
    dims           INTEGER      NOT NULL CHECK (dims BETWEEN 1 AND 32768),
    index_type     VARCHAR(50)  NOT NULL,
    metric_type    VARCHAR(20)  NOT NULL DEFAULT 'cosine' CHECK (metric_type IN ('cosine', 'l2', 'dot')),
    status         VARCHAR(20)  NOT NULL DEFAULT 'building' CHECK (status IN ('building', 'ready', 'error')),
    error_msg      TEXT,
    params         TEXT         NOT NULL DEFAULT '{}',
    model_id       VARCHAR(36)  REFERENCES tai_models (id),
    model_major    INTEGER,
    engine         VARCHAR(20)  NOT NULL DEFAULT 'embedded',
    compression    VARCHAR(20)  NOT NULL DEFAULT 'none',
    ttl_seconds    BIGINT,
    shards         INTEGER      NOT NULL DEFAULT 1,
    description    TEXT,
    -- The worker whose disk holds the rows; null until the worker has made them a place.
    worker_id      VARCHAR(36),
    -- The live build task, so that a second call returns the same one.
    build_task_id  VARCHAR(36),
    created_at     TIMESTAMPTZ  NOT NULL,
    updated_at     TIMESTAMPTZ  NOT NULL
);
CREATE UNIQUE INDEX ux_tai_vector_collections_name ON tai_vector_collections (name);
CREATE INDEX ix_tai_vector_collections_created_at ON tai_vector_collections (created_at);
CREATE INDEX ix_tai_vector_collections_model_id ON tai_vector_collections (model_id);

-- Answers of POSTs that carried an Idempotency-Key.
CREATE TABLE tai_idempotency_keys (
    idempotency_key VARCHAR(200) NOT NULL,
    route           VARCHAR(200) NOT NULL,
    body_hash       VARCHAR(64)  NOT NULL,
    -- Null while the first request is still running.
    status          INTEGER,
    response        TEXT,
    -- Who runs the first request, and until when it is believed to: past that, another may.
    owner           VARCHAR(36)  NOT NULL,
    locked_until    TIMESTAMPTZ  NOT NULL,
    -- The id that every try of the request gives to the row it creates.
    reserved_id     VARCHAR(36)  NOT NULL,
    created_at      TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (idempotency_key, route)
);
CREATE INDEX ix_tai_idempotency_keys_created_at ON tai_idempotency_keys (created_at);

-- The live part of the tasks: one row while a task is queued or running, none while it is parked or ended, so that a
-- claim costs the same however long history is. Times are milliseconds since 1970 of the database's clock, because
-- ranks and leases are sums of them.
CREATE TABLE tai_task_queue (
    task_id        VARCHAR(36)  NOT NULL PRIMARY KEY,
    type           VARCHAR(50)  NOT NULL,
    state          VARCHAR(10)  NOT NULL CHECK (state IN ('queued', 'running')),
    priority       INTEGER      NOT NULL CHECK (priority BETWEEN 0 AND 9),
    run_at_ms      BIGINT       NOT NULL,
    -- The smallest is claimed first: run_at less a bonus for each step of priority. Waiting tasks keep their rank
    -- while new ones get later ones, which is how priority ages.
    rank_ms        BIGINT       NOT NULL,
    attempt        INTEGER      NOT NULL,
    max_attempts   INTEGER      NOT NULL,
    timeout_ms     BIGINT       NOT NULL,
    -- Grows with each claim of the task, over retries too: a worker may write only with the fence it was given.
    fence          BIGINT       NOT NULL,
    worker_id      VARCHAR(36),
    lease_until_ms BIGINT,
    deadline_ms    BIGINT,
    -- What was asked of a running task and its worker has not yet done.
    wish           VARCHAR(10)  CHECK (wish IN ('stop', 'cancel')),
    wish_by        VARCHAR(100)
);
CREATE INDEX ix_tai_task_queue_rank ON tai_task_queue (rank_ms, task_id) WHERE state = 'queued';
-- Few run at a time, so this one serves the look for ended leases too; an index on the lease would make each renewal
-- write indexes.
CREATE INDEX ix_tai_task_queue_worker ON tai_task_queue (worker_id) WHERE state = 'running';

-- The trail: every transition of every task, with who and why. Ids of tasks begin with their time, so that the trail
-- of a month is one range of the key.
CREATE TABLE tai_task_events (
    id             VARCHAR(36)  NOT NULL,
    task_id        VARCHAR(36)  NOT NULL,
    seq            INTEGER      NOT NULL,
    verb           VARCHAR(20)  NOT NULL,
    from_state     VARCHAR(20),
    to_state       VARCHAR(20)  NOT NULL,
    attempt        INTEGER      NOT NULL,
    actor          VARCHAR(100) NOT NULL,
    reason         TEXT,
    created_at     TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (task_id, seq)
);
