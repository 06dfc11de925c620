-- Labels of the tasks created in one month (UTC), kept by triggers of the table of tasks. {month} is six digits.
CREATE TABLE IF NOT EXISTS tai_task_labels_{month} (
    label_key      VARCHAR(64)  NOT NULL,
    label_value    TEXT         NOT NULL,
    task_id        VARCHAR(36)  NOT NULL,
    PRIMARY KEY (label_key, label_value, task_id)
);
