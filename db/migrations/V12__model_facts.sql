-- What the first passed test measured beside kind and dims, as JSON; null before.
ALTER TABLE tai_model_versions ADD COLUMN facts TEXT;
