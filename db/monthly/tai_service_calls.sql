-- Calls between core and ai in one month (UTC). {month} is six digits.
CREATE TABLE IF NOT EXISTS tai_service_calls_{month} (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    source_service VARCHAR(50)  NOT NULL,
    target_service VARCHAR(50)  NOT NULL,
    method         VARCHAR(100) NOT NULL,
    request        TEXT,
    response       TEXT,
    -- Milliseconds.
    duration       BIGINT       NOT NULL DEFAULT 0,
    -- The same in microseconds: most calls take less than a millisecond, and percentiles are taken from it.
    duration_us    BIGINT       NOT NULL DEFAULT 0,
    status         VARCHAR(20)  NOT NULL DEFAULT 'success' CHECK (status IN ('success', 'failed', 'timeout')),
    error_msg      TEXT,
    error_code     INTEGER,
    trace_id       VARCHAR(32),
    -- The ai worker that was called, by address and by id.
    address        VARCHAR(255),
    worker_id      VARCHAR(36),
    attempt        INTEGER      NOT NULL DEFAULT 1,
    created_at     TIMESTAMPTZ  NOT NULL
);
CREATE INDEX IF NOT EXISTS ix_tai_service_calls_{month}_source
    ON tai_service_calls_{month} (source_service, created_at);
CREATE INDEX IF NOT EXISTS ix_tai_service_calls_{month}_target
    ON tai_service_calls_{month} (target_service, created_at);
CREATE INDEX IF NOT EXISTS ix_tai_service_calls_{month}_created ON tai_service_calls_{month} (created_at);
CREATE INDEX IF NOT EXISTS ix_tai_service_calls_{month}_trace ON tai_service_calls_{month} (trace_id);
