-- Tasks created in one month (UTC). {month} is six digits. Ids are UUIDv7: the order of the key is the order of time.
CREATE TABLE IF NOT EXISTS tai_tasks_{month} (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    type           VARCHAR(50)  NOT NULL,
    status         VARCHAR(20)  NOT NULL DEFAULT 'pending'
                   CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    payload        TEXT         NOT NULL DEFAULT '{}',
    result         TEXT,
    error_msg      TEXT,
    progress       INTEGER      NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    -- Percent a second over the last reports, as of progress_at; null when nothing moved yet.
    progress_rate  DOUBLE PRECISION,
    progress_at    TIMESTAMPTZ,
    priority       INTEGER      NOT NULL DEFAULT 5 CHECK (priority BETWEEN 0 AND 9),
    attempt        INTEGER      NOT NULL DEFAULT 0,
    max_attempts   INTEGER      NOT NULL DEFAULT 1,
    run_at         TIMESTAMPTZ  NOT NULL,
    timeout_ms     BIGINT       NOT NULL,
    queued_at      TIMESTAMPTZ,
    started_at     TIMESTAMPTZ,
    completed_at   TIMESTAMPTZ,
    parent_id      VARCHAR(36),
    labels         TEXT         NOT NULL DEFAULT '{}',
    trace_id       VARCHAR(32),
    span_id        VARCHAR(16),
    cost_tokens    BIGINT       NOT NULL DEFAULT 0,
    cost_ai_ms     BIGINT       NOT NULL DEFAULT 0,
    checkpoint     TEXT,
    -- The last fence given and the last number of the trail, kept here when the queue has no row of the task.
    fence          BIGINT       NOT NULL DEFAULT 0,
    trail          INTEGER      NOT NULL DEFAULT 1,
    unique_key     VARCHAR(200),
    -- JSON array of ids, and what becomes of this task when one of them fails.
    depends_on     TEXT,
    on_parent_failure VARCHAR(10) CHECK (on_parent_failure IN ('cancel', 'park', 'run')),
    -- How many tasks were ever made to wait for this one, so that an end without any looks for none.
    dependents     INTEGER      NOT NULL DEFAULT 0,
    -- The longest line of parents above it.
    chain          INTEGER      NOT NULL DEFAULT 0,
    schedule_id    VARCHAR(36),
    created_at     TIMESTAMPTZ  NOT NULL,
    updated_at     TIMESTAMPTZ  NOT NULL
);
-- A lane is a status, a type and a priority: lists that ask for any of the three walk the lanes that fit.
CREATE INDEX IF NOT EXISTS ix_tai_tasks_{month}_lane ON tai_tasks_{month} (status, type, priority, id);
CREATE INDEX IF NOT EXISTS ix_tai_tasks_{month}_updated ON tai_tasks_{month} (updated_at, id);
CREATE INDEX IF NOT EXISTS ix_tai_tasks_{month}_children
    ON tai_tasks_{month} (parent_id, id) WHERE parent_id IS NOT NULL;
