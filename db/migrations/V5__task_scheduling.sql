-- What decides which queued task goes next, beside its rank: whose it is, and what it still waits for.
ALTER TABLE tai_task_queue ADD COLUMN tenant VARCHAR(256) NOT NULL DEFAULT '';
-- Parents that have not ended. A task with some is queued and not yet to be claimed.
ALTER TABLE tai_task_queue ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
DROP INDEX ix_tai_task_queue_rank;
CREATE INDEX ix_tai_task_queue_rank ON tai_task_queue (rank_ms, task_id) WHERE state = 'queued' AND waits = 0;
-- A lane is a type and a tenant: limits hold for whole lanes, and a full one is passed by without reading its rows.
CREATE INDEX ix_tai_task_queue_lane ON tai_task_queue (type, tenant, rank_ms, task_id)
    WHERE state = 'queued' AND waits = 0;

-- Keys of live tasks: the database itself keeps two live tasks of a type from having one key.
CREATE TABLE tai_task_unique_keys (
    type           VARCHAR(50)  NOT NULL,
    unique_key     VARCHAR(200) NOT NULL,
    task_id        VARCHAR(36)  NOT NULL,
    PRIMARY KEY (type, unique_key)
);
CREATE UNIQUE INDEX ux_tai_task_unique_keys_task ON tai_task_unique_keys (task_id);

-- Which live task waits for which: a row goes when the parent ends, or the task itself.
CREATE TABLE tai_task_dependencies (
    parent_id      VARCHAR(36)  NOT NULL,
    task_id        VARCHAR(36)  NOT NULL,
    PRIMARY KEY (parent_id, task_id)
);
CREATE INDEX ix_tai_task_dependencies_task ON tai_task_dependencies (task_id);
