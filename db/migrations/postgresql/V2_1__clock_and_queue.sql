-- The database's clock, which alone decides leases and retries. `SET tai.now = '…'` moves it for a session: tests do.
-- STABLE although the clock runs: one value a scan is what a comparison with an indexed column needs.
CREATE FUNCTION tai_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS
'BEGIN
    RETURN coalesce(nullif(current_setting(''tai.now'', true), '''')::timestamptz, clock_timestamp());
END';

CREATE FUNCTION tai_now_ms() RETURNS bigint LANGUAGE plpgsql STABLE PARALLEL SAFE AS
'BEGIN
    RETURN floor(extract(epoch FROM tai_now()) * 1000)::bigint;
END';

CREATE FUNCTION tai_after(milliseconds bigint) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS
'BEGIN
    RETURN tai_now() + milliseconds * interval ''1 millisecond'';
END';

-- Every row of the queue is updated a few times and then deleted within seconds: room on the page keeps the updates
-- there, and vacuum comes by absolute numbers rather than by a share of a table that is nearly empty.
ALTER TABLE tai_task_queue SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0);
