-- What lists are counted and found by, beside the monthly tables of tasks: their triggers call these with the month.
-- A month's tables are named by what only tai_tasks_YYYYMM itself says, in its own definition.
-- Rows that came.
CREATE FUNCTION tai_task_made() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
    EXECUTE format(''
        INSERT INTO tai_task_counts_%s (status, type, priority, count)
        SELECT status, type, priority, count(*) FROM made GROUP BY status, type, priority'', TG_ARGV[0]);
    RETURN NULL;
END';

-- Rows that went.
CREATE FUNCTION tai_task_gone() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
    EXECUTE format(''
        INSERT INTO tai_task_counts_%s (status, type, priority, count)
        SELECT status, type, priority, -count(*) FROM was GROUP BY status, type, priority'', TG_ARGV[0]);
    RETURN NULL;
END';

-- Rows that changed.
CREATE FUNCTION tai_task_moved() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
    -- Most updates save progress, and move nothing.
    IF EXISTS (SELECT status, type, priority, sum(n) FROM (
            SELECT status, type, priority, 1 AS n FROM made
            UNION ALL SELECT status, type, priority, -1 FROM was) AS both_sides
        GROUP BY status, type, priority HAVING sum(n) <> 0) THEN
        EXECUTE format(''
        INSERT INTO tai_task_counts_%s (status, type, priority, count)
        SELECT status, type, priority, sum(n) FROM (
            SELECT status, type, priority, 1 AS n FROM made
            UNION ALL SELECT status, type, priority, -1 FROM was) AS both_sides
        GROUP BY status, type, priority HAVING sum(n) <> 0'', TG_ARGV[0]);
    END IF;
    RETURN NULL;
END';

-- Labels of rows that came.
CREATE FUNCTION tai_task_put() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
    IF EXISTS (SELECT FROM made WHERE labels <> ''{}'') THEN
        EXECUTE format(''
        INSERT INTO tai_task_labels_%s (label_key, label_value, task_id)
        SELECT l.key, l.value, made.id FROM made CROSS JOIN LATERAL json_each_text(made.labels::json) AS l
        WHERE made.labels <> ''''{}'''' AND l.value IS NOT NULL'', TG_ARGV[0]);
    END IF;
    RETURN NULL;
END';

-- Labels of a row that has others now, or that went.
CREATE FUNCTION tai_task_relabelled() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN
    EXECUTE format(''
        DELETE FROM tai_task_labels_%s AS l USING json_each_text($1::json) AS o
        WHERE l.label_key = o.key AND l.label_value = o.value AND l.task_id = $2'', TG_ARGV[0])
        USING OLD.labels, OLD.id;
    IF TG_OP = ''UPDATE'' THEN
        EXECUTE format(''
        INSERT INTO tai_task_labels_%s (label_key, label_value, task_id)
        SELECT key, value, $2 FROM json_each_text($1::json) WHERE value IS NOT NULL'', TG_ARGV[0])
        USING NEW.labels, NEW.id;
    END IF;
    RETURN NULL;
END';
