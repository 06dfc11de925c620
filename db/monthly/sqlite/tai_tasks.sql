-- Counts and labels follow the tasks, whoever writes them.
CREATE TRIGGER IF NOT EXISTS tai_tasks_{month}_put AFTER INSERT ON tai_tasks_{month} WHEN NEW.labels <> '{}'
BEGIN
    INSERT INTO tai_task_labels_{month} (label_key, label_value, task_id)
        SELECT key, value, NEW.id FROM json_each(NEW.labels) WHERE value IS NOT NULL;
END;
CREATE TRIGGER IF NOT EXISTS tai_tasks_{month}_relabelled AFTER UPDATE OF labels ON tai_tasks_{month}
WHEN OLD.labels <> NEW.labels
BEGIN
    DELETE FROM tai_task_labels_{month} WHERE rowid IN (
        SELECT l.rowid FROM json_each(OLD.labels) AS o CROSS JOIN tai_task_labels_{month} AS l
        WHERE l.label_key = o.key AND l.label_value = o.value AND l.task_id = OLD.id);
    INSERT INTO tai_task_labels_{month} (label_key, label_value, task_id)
        SELECT key, value, NEW.id FROM json_each(NEW.labels) WHERE value IS NOT NULL;
END;
CREATE TRIGGER IF NOT EXISTS tai_tasks_{month}_moved AFTER UPDATE OF status, type, priority ON tai_tasks_{month}
WHEN OLD.status <> NEW.status OR OLD.type <> NEW.type OR OLD.priority <> NEW.priority
BEGIN
    INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        VALUES (OLD.status, OLD.type, OLD.priority, -1)
        ON CONFLICT (status, type, priority) DO UPDATE SET count = count + excluded.count;
    INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        VALUES (NEW.status, NEW.type, NEW.priority, 1)
        ON CONFLICT (status, type, priority) DO UPDATE SET count = count + excluded.count;
END;
CREATE TRIGGER IF NOT EXISTS tai_tasks_{month}_gone AFTER DELETE ON tai_tasks_{month}
BEGIN
    INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        VALUES (OLD.status, OLD.type, OLD.priority, -1)
        ON CONFLICT (status, type, priority) DO UPDATE SET count = count + excluded.count;
    DELETE FROM tai_task_labels_{month} WHERE rowid IN (
        SELECT l.rowid FROM json_each(OLD.labels) AS o CROSS JOIN tai_task_labels_{month} AS l
        WHERE l.label_key = o.key AND l.label_value = o.value AND l.task_id = OLD.id);
END;
-- The last of them: a month that has it is counted and labelled.
CREATE TRIGGER IF NOT EXISTS tai_tasks_{month}_made AFTER INSERT ON tai_tasks_{month}
BEGIN
    INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        VALUES (NEW.status, NEW.type, NEW.priority, 1)
        ON CONFLICT (status, type, priority) DO UPDATE SET count = count + excluded.count;
END;
