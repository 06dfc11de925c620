-- Types of tasks that ai workers run, and when each was last seen with them: core, when it is started anew, knows them
-- before it has met a worker.
CREATE TABLE tai_task_types (
    type           VARCHAR(50)  NOT NULL,
    worker_id      VARCHAR(36)  NOT NULL,
    seen_at        TIMESTAMPTZ  NOT NULL,
    PRIMARY KEY (type, worker_id)
);
CREATE INDEX ix_tai_task_types_seen_at ON tai_task_types (seen_at);
