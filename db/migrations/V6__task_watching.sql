-- The trail stands in monthly tables beside the tasks, so that a month is dropped or exported as a whole.
DROP TABLE tai_task_events;

-- What became of attempts, by minute: throughput, failures and times are read from here, at the same cost however many
-- tasks ended.
CREATE TABLE tai_task_figures (
    -- The minute's begin, milliseconds since 1970 by the database's clock.
    minute_ms      BIGINT       NOT NULL,
    type           VARCHAR(50)  NOT NULL,
    outcome        VARCHAR(10)  NOT NULL
                   CHECK (outcome IN ('completed', 'failed', 'cancelled', 'retried', 'rescued')),
    -- The class of the run time: each is 1/16 of a doubling wide.
    bucket         INTEGER      NOT NULL,
    -- Processes write rows of their own and add to no one else's.
    part           INTEGER      NOT NULL,
    count          BIGINT       NOT NULL,
    run_ms         BIGINT       NOT NULL,
    wait_ms        BIGINT       NOT NULL,
    tokens         BIGINT       NOT NULL,
    ai_ms          BIGINT       NOT NULL,
    PRIMARY KEY (minute_ms, type, outcome, bucket, part)
);
