-- compatible-from: 1
-- Versions of prompts that are kept for the record, and served to nobody.

ALTER TABLE prompt_versions ADD COLUMN withdrawn_us INTEGER;
ALTER TABLE prompt_versions ADD COLUMN withdrawn_by TEXT;
ALTER TABLE prompt_versions ADD COLUMN withdrawn_for TEXT NOT NULL DEFAULT '';
