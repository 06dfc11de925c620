CREATE UNIQUE INDEX IF NOT EXISTS ux_tai_task_counts_{month} ON tai_task_counts_{month} (status, type, priority);
