-- What attempts of the tasks created in one month (UTC) cost, one row for each that cost something. {month} is six
-- digits.
CREATE TABLE IF NOT EXISTS tai_task_costs_{month} (
    task_id        VARCHAR(36)  NOT NULL,
    -- Of the attempt: it grows over attempts, also where a stop gave their number back.
    fence          BIGINT       NOT NULL,
    attempt        INTEGER      NOT NULL,
    tokens         BIGINT       NOT NULL,
    ai_ms          BIGINT       NOT NULL,
    PRIMARY KEY (task_id, fence)
);
