-- What executors wrote about the tasks created in one month (UTC). {month} is six digits. Only the newest lines of a
-- task are kept.
CREATE TABLE IF NOT EXISTS tai_task_logs_{month} (
    task_id        VARCHAR(36)  NOT NULL,
    -- The attempt's fence in the upper bits and the line's place in the attempt in the lower twenty.
    seq            BIGINT       NOT NULL,
    attempt        INTEGER      NOT NULL,
    level          VARCHAR(10)  NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message        TEXT         NOT NULL,
    created_at     TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (task_id, seq)
);
