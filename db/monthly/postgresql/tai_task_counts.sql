-- Rows live for seconds: vacuum comes by absolute numbers, as for the queue.
ALTER TABLE tai_task_counts_{month} SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
