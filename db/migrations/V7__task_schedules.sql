-- Tasks that come back by a cron expression.
CREATE TABLE tai_task_schedules (
    id             VARCHAR(36)  NOT NULL PRIMARY KEY,
    name           VARCHAR(100) NOT NULL,
    cron           VARCHAR(100) NOT NULL,
    time_zone      VARCHAR(64)  NOT NULL,
    missed         VARCHAR(10)  NOT NULL CHECK (missed IN ('skip', 'once', 'all')),
    overlap        VARCHAR(10)  NOT NULL CHECK (overlap IN ('allow', 'skip')),
    paused         INTEGER      NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    -- What each task is made of.
    type           VARCHAR(50)  NOT NULL,
    payload        TEXT         NOT NULL,
    priority       INTEGER      NOT NULL CHECK (priority BETWEEN 0 AND 9),
    max_attempts   INTEGER,
    timeout_ms     BIGINT,
    labels         TEXT         NOT NULL DEFAULT '{}',
    -- The time that is due next, in milliseconds since 1970; null when the expression names no more. Firing compares
    -- it and sets the next in one statement, so no time fires twice.
    next_run_ms    BIGINT,
    last_run_at    TIMESTAMPTZ,
    last_task_id   VARCHAR(36),
    -- Times that passed without a task: missed and not made up for, or the last task was still live.
    skipped        BIGINT       NOT NULL DEFAULT 0,
    last_error     TEXT,
    created_at     TIMESTAMPTZ  NOT NULL,
    updated_at     TIMESTAMPTZ  NOT NULL
);
CREATE UNIQUE INDEX ux_tai_task_schedules_name ON tai_task_schedules (name);
CREATE INDEX ix_tai_task_schedules_next ON tai_task_schedules (next_run_ms) WHERE paused = 0;

-- Who does what only one of the processes does. Work under it is safe with two leaders, too; this only saves effort.
CREATE TABLE tai_leaders (
    name           VARCHAR(50)  NOT NULL PRIMARY KEY,
    holder         VARCHAR(36)  NOT NULL,
    -- Grows whenever another takes over.
    term           BIGINT       NOT NULL,
    lease_until_ms BIGINT       NOT NULL
);
