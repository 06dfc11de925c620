-- Counts and labels follow the tasks, whoever writes them.
CREATE OR REPLACE TRIGGER tai_tasks_{month}_put AFTER INSERT ON tai_tasks_{month}
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION tai_task_put('{month}');
CREATE OR REPLACE TRIGGER tai_tasks_{month}_relabelled AFTER UPDATE OF labels ON tai_tasks_{month}
    FOR EACH ROW WHEN (OLD.labels <> NEW.labels) EXECUTE FUNCTION tai_task_relabelled('{month}');
CREATE OR REPLACE TRIGGER tai_tasks_{month}_taken AFTER DELETE ON tai_tasks_{month}
    FOR EACH ROW WHEN (OLD.labels <> '{}') EXECUTE FUNCTION tai_task_relabelled('{month}');
CREATE OR REPLACE TRIGGER tai_tasks_{month}_moved AFTER UPDATE ON tai_tasks_{month}
    REFERENCING OLD TABLE AS was NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION tai_task_moved('{month}');
CREATE OR REPLACE TRIGGER tai_tasks_{month}_gone AFTER DELETE ON tai_tasks_{month}
    REFERENCING OLD TABLE AS was FOR EACH STATEMENT EXECUTE FUNCTION tai_task_gone('{month}');
-- The last of them: a month that has it is counted and labelled.
CREATE OR REPLACE TRIGGER tai_tasks_{month}_made AFTER INSERT ON tai_tasks_{month}
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION tai_task_made('{month}');
