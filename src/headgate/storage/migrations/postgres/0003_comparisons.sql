-- compatible-from: 1
-- What a model's shadow made of calls, beside what their clients got. Rows that are older than a month are deleted.

CREATE TABLE comparisons (
    id TEXT PRIMARY KEY,
    at_us BIGINT NOT NULL,
    organisation TEXT NOT NULL,
    model TEXT NOT NULL,
    shadow TEXT NOT NULL,
    dropped TEXT,
    calls BIGINT NOT NULL,
    call_id TEXT,
    streamed BIGINT NOT NULL,
    target TEXT,
    shadow_target TEXT,
    code TEXT,
    shadow_code TEXT,
    duration_us BIGINT,
    shadow_duration_us BIGINT,
    first_token_us BIGINT,
    shadow_first_token_us BIGINT,
    cost_picodollars BIGINT,
    shadow_cost_picodollars BIGINT,
    stop TEXT,
    shadow_stop TEXT,
    characters BIGINT,
    shadow_characters BIGINT,
    refused BIGINT,
    shadow_refused BIGINT,
    json BIGINT,
    shadow_json BIGINT,
    tools TEXT,
    same BIGINT
);
CREATE INDEX comparisons_model ON comparisons (organisation, model, at_us);
CREATE INDEX comparisons_at ON comparisons (at_us);
