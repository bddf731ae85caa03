-- compatible-from: 1
-- What a model's shadow made of calls, beside what their clients got. Rows that are older than a month are deleted.

CREATE TABLE comparisons (
    id TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    model TEXT NOT NULL,
    shadow TEXT NOT NULL,
    dropped TEXT,
    calls INTEGER NOT NULL,
    call_id TEXT,
    streamed INTEGER NOT NULL,
    target TEXT,
    shadow_target TEXT,
    code TEXT,
    shadow_code TEXT,
    duration_us INTEGER,
    shadow_duration_us INTEGER,
    first_token_us INTEGER,
    shadow_first_token_us INTEGER,
    cost_picodollars INTEGER,
    shadow_cost_picodollars INTEGER,
    stop TEXT,
    shadow_stop TEXT,
    characters INTEGER,
    shadow_characters INTEGER,
    refused INTEGER,
    shadow_refused INTEGER,
    json INTEGER,
    shadow_json INTEGER,
    tools TEXT,
    same INTEGER
) STRICT;
CREATE INDEX comparisons_model ON comparisons (organisation, model, at_us);
CREATE INDEX comparisons_at ON comparisons (at_us);
