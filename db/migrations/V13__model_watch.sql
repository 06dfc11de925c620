-- When a model was last tested, and how many tests in a row it has failed since.
ALTER TABLE tai_models ADD COLUMN tested_at TIMESTAMPTZ;
ALTER TABLE tai_models ADD COLUMN tests_failed INTEGER NOT NULL DEFAULT 0;
UPDATE tai_models SET tested_at = updated_at;
