-- The trail of the tasks created in one month (UTC): every transition, with who and why. {month} is six digits. A
-- task's lines stand with the task, so that a month goes as a whole.
CREATE TABLE IF NOT EXISTS tai_task_events_{month} (
    id             VARCHAR(36)  NOT NULL,
    task_id        VARCHAR(36)  NOT NULL,
    seq            INTEGER      NOT NULL,
    verb           VARCHAR(20)  NOT NULL,
    from_state     VARCHAR(20),
    to_state       VARCHAR(20)  NOT NULL,
    attempt        INTEGER      NOT NULL,
    actor          VARCHAR(100) NOT NULL,
    reason         TEXT,
    -- The transaction that wrote it: what has another number is older or newer, so a reader who has all up to a number
    -- misses nothing that is committed later.
    feed           BIGINT       NOT NULL,
    created_at     TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (task_id, seq)
);
CREATE INDEX IF NOT EXISTS ix_tai_task_events_{month}_feed ON tai_task_events_{month} (feed);
