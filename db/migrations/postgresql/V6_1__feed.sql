-- The number of the transaction, which puts lines of the trail into an order that readers can follow without a gap.
CREATE FUNCTION tai_feed() RETURNS bigint LANGUAGE sql STABLE PARALLEL RESTRICTED AS
'SELECT pg_current_xact_id()::text::bigint';
