-- compatible-from: 1
-- What was asked and answered in calls, where it is captured, and what of it has been erased.

CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    captured_us BIGINT NOT NULL,
    started_us BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    dialect TEXT NOT NULL,
    streamed BIGINT NOT NULL,
    kept TEXT NOT NULL,
    code TEXT,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    end_user TEXT,
    request TEXT NOT NULL,
    answer TEXT,
    missing TEXT NOT NULL,
    truncated BIGINT NOT NULL,
    left_out BIGINT NOT NULL,
    redactions TEXT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX contents_captured ON contents (organisation, captured_us, id, bytes);
CREATE INDEX contents_age ON contents (captured_us);
CREATE INDEX contents_end_user ON contents (organisation, end_user) WHERE end_user IS NOT NULL;
CREATE INDEX contents_key ON contents (organisation, key_id);

-- For a day: what other processes had not stored yet when it was erased is not stored any more.
CREATE TABLE content_erasures (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    until_us BIGINT NOT NULL,
    call_id TEXT,
    end_user TEXT,
    key_id TEXT,
    team_id TEXT
);
