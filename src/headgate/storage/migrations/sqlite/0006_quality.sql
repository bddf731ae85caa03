-- compatible-from: 1
-- What users say of answers, and what evaluators find in them.

CREATE TABLE feedback (
    started_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    prompt_version TEXT,
    arm TEXT,
    tags TEXT NOT NULL,
    id TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    call_id TEXT NOT NULL,
    rater TEXT NOT NULL,
    given_by TEXT NOT NULL,
    thumb TEXT,
    score INTEGER,
    label TEXT,
    comment TEXT,
    correction TEXT,
    replaced INTEGER NOT NULL
) STRICT;
CREATE INDEX feedback_call ON feedback (organisation, call_id);
CREATE INDEX feedback_at ON feedback (organisation, at_us);
CREATE INDEX feedback_age ON feedback (at_us);

CREATE TABLE evaluations (
    started_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    prompt_version TEXT,
    arm TEXT,
    tags TEXT NOT NULL,
    id TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    call_id TEXT NOT NULL,
    evaluator TEXT NOT NULL,
    outcome TEXT NOT NULL,
    score REAL,
    reason TEXT NOT NULL,
    streamed INTEGER NOT NULL
) STRICT;
CREATE INDEX evaluations_at ON evaluations (organisation, at_us);
CREATE INDEX evaluations_call ON evaluations (call_id);
CREATE INDEX evaluations_age ON evaluations (at_us);
