-- What tasks that were created in one month (UTC) found, one row an answer: an evaluation's queries. {month} is six
-- digits.
CREATE TABLE IF NOT EXISTS tai_task_answers_{month} (
    task_id        VARCHAR(36)  NOT NULL,
    -- Its place: a later attempt that finds it again writes over it.
    number         INTEGER      NOT NULL,
    -- A JSON object.
    answer         TEXT         NOT NULL,
    PRIMARY KEY (task_id, number)
);
