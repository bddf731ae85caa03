-- compatible-from: 1
-- Records: what people administer, the ledger, the audit log.
-- Times are microseconds since the epoch UTC, money is picodollars, lists and mappings are JSON texts, truths 0 and 1.

CREATE TABLE organisations (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    CHECK (organisation = id)
) STRICT;
CREATE INDEX organisations_listed ON organisations (organisation, created_us, id);
CREATE INDEX organisations_changed ON organisations (revision);

CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    UNIQUE (organisation, id)
) STRICT;
CREATE INDEX teams_listed ON teams (organisation, created_us, id);
CREATE INDEX teams_changed ON teams (revision);

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    team_id TEXT,
    UNIQUE (organisation, id),
    FOREIGN KEY (organisation, team_id) REFERENCES teams (organisation, id)
) STRICT;
CREATE INDEX projects_listed ON projects (organisation, created_us, id);
CREATE INDEX projects_changed ON projects (revision);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    email TEXT,
    team_id TEXT,
    roles TEXT NOT NULL,
    issuer TEXT,
    subject TEXT,
    UNIQUE (organisation, id),
    UNIQUE (organisation, issuer, subject),
    FOREIGN KEY (organisation, team_id) REFERENCES teams (organisation, id)
) STRICT;
CREATE INDEX users_listed ON users (organisation, created_us, id);
CREATE INDEX users_changed ON users (revision);

CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    user_id TEXT,
    roles TEXT NOT NULL,
    models TEXT,
    endpoints TEXT,
    tags TEXT NOT NULL,
    networks TEXT,
    timezone TEXT,
    prompt_label TEXT,
    policy TEXT,
    created_by TEXT NOT NULL,
    expires_us INTEGER,
    revoked_us INTEGER,
    replaces TEXT,
    FOREIGN KEY (organisation, team_id) REFERENCES teams (organisation, id),
    FOREIGN KEY (organisation, project_id) REFERENCES projects (organisation, id),
    FOREIGN KEY (organisation, user_id) REFERENCES users (organisation, id)
) STRICT;
CREATE INDEX keys_listed ON keys (organisation, created_us, id);
CREATE INDEX keys_changed ON keys (revision);

CREATE TABLE limits (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    subject TEXT NOT NULL,
    per TEXT NOT NULL,
    timezone TEXT NOT NULL,
    requests INTEGER,
    tokens INTEGER,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cost_picodollars INTEGER,
    concurrent INTEGER
) STRICT;
CREATE INDEX limits_listed ON limits (organisation, created_us, id);
CREATE INDEX limits_changed ON limits (revision);
CREATE INDEX limits_subject ON limits (organisation, subject);

CREATE TABLE budgets (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    subject TEXT NOT NULL,
    amount_picodollars INTEGER NOT NULL,
    period TEXT NOT NULL,
    timezone TEXT NOT NULL,
    hard INTEGER NOT NULL,
    alert_percent TEXT NOT NULL
) STRICT;
CREATE INDEX budgets_listed ON budgets (organisation, created_us, id);
CREATE INDEX budgets_changed ON budgets (revision);
CREATE INDEX budgets_subject ON budgets (organisation, subject);

CREATE TABLE provider_keys (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    team_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    sealed TEXT NOT NULL,
    hint TEXT NOT NULL,
    FOREIGN KEY (organisation, team_id) REFERENCES teams (organisation, id)
) STRICT;
CREATE INDEX provider_keys_listed ON provider_keys (organisation, created_us, id);
CREATE INDEX provider_keys_changed ON provider_keys (revision);

-- One row: how often anything above was changed. Every administrative transaction begins by counting it up, which makes
-- them wait for each other, so that whoever has seen a revision has seen all before it.
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO revisions (id, value) VALUES (1, 0);

CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    organisation TEXT NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    user_id TEXT,
    end_user TEXT,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    cause TEXT NOT NULL,
    parent TEXT,
    payer TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    first_token_us INTEGER,
    status INTEGER NOT NULL,
    code TEXT,
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cache_write_5m_tokens INTEGER NOT NULL,
    cache_write_1h_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    audio_input_tokens INTEGER NOT NULL,
    audio_cached_tokens INTEGER NOT NULL,
    audio_output_tokens INTEGER NOT NULL,
    image_input_tokens INTEGER NOT NULL,
    image_output_tokens INTEGER NOT NULL,
    web_searches INTEGER NOT NULL,
    usage_source TEXT NOT NULL,
    cost_picodollars INTEGER,
    saving_picodollars INTEGER,
    reserved_picodollars INTEGER,
    price_version TEXT,
    streamed INTEGER NOT NULL,
    vendor_request_id TEXT,
    prompt_version TEXT,
    tags TEXT NOT NULL,
    charged TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_call ON ledger (call_id);
CREATE INDEX ledger_organisation ON ledger (organisation, started_us);
CREATE INDEX ledger_key ON ledger (key_id, started_us);
CREATE INDEX ledger_team ON ledger (team_id, started_us) WHERE team_id IS NOT NULL;

-- What has been settled per budget counter: counters that were lost begin again from here.
CREATE TABLE spend (
    counter TEXT PRIMARY KEY,
    picodollars INTEGER NOT NULL
) STRICT;

CREATE TABLE audit_records (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_us INTEGER NOT NULL,
    organisation TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    leaf TEXT NOT NULL,
    leaf_hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_records_at ON audit_records (organisation, at_us);
CREATE INDEX audit_records_actor ON audit_records (organisation, actor, at_us);

CREATE TABLE audit_tree (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    frontier TEXT NOT NULL
) STRICT;

CREATE TABLE audit_checkpoints (
    size INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    started_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    release TEXT NOT NULL
) STRICT;
