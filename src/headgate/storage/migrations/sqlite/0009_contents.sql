-- compatible-from: 1
-- What was asked and answered in calls, where it is captured, and what of it has been erased.

CREATE TABLE contents (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    captured_us INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    dialect TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    kept TEXT NOT NULL,
    code TEXT,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    end_user TEXT,
    request TEXT NOT NULL,
    answer TEXT,
    missing TEXT NOT NULL,
    truncated INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    redactions TEXT NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX contents_captured ON contents (organisation, captured_us, id, bytes);
CREATE INDEX contents_age ON contents (captured_us);
CREATE INDEX contents_end_user ON contents (organisation, end_user) WHERE end_user IS NOT NULL;
CREATE INDEX contents_key ON contents (organisation, key_id);

-- For a day: what other processes had not stored yet when it was erased is not stored any more.
CREATE TABLE content_erasures (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    call_id TEXT,
    end_user TEXT,
    key_id TEXT,
    team_id TEXT
) STRICT;
