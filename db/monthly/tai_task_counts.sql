-- How many tasks of one month (UTC) stand in each lane, kept by triggers of the table of tasks, so that the total of a
-- list is the same sum however many tasks there are. {month} is six digits. PostgreSQL adds a row for each statement
-- and sums them up now and then: nobody waits for another's count. SQLite, with its one writer, keeps one row a lane.
CREATE TABLE IF NOT EXISTS tai_task_counts_{month} (
    status         VARCHAR(20)  NOT NULL,
    type           VARCHAR(50)  NOT NULL,
    priority       INTEGER      NOT NULL,
    -- What is to be added up; may be negative in a row.
    count          BIGINT       NOT NULL
);
