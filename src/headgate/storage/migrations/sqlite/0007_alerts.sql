-- compatible-from: 1
-- Rules and silences that people make, what becomes of alerts, what is to be told, and where keys are used from.

CREATE TABLE alert_rules (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX alert_rules_listed ON alert_rules (organisation, created_us, id);

CREATE TABLE alert_silences (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    rule TEXT,
    series TEXT,
    starts_us INTEGER NOT NULL,
    ends_us INTEGER NOT NULL,
    repeats TEXT,
    until_us INTEGER,
    timezone TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_by TEXT NOT NULL
) STRICT;
CREATE INDEX alert_silences_listed ON alert_silences (organisation, created_us, id);

-- Where each alert is now. What was never anything but ok is not here.
CREATE TABLE alert_states (
    organisation TEXT NOT NULL,
    rule TEXT NOT NULL,
    series TEXT NOT NULL,
    rule_name TEXT NOT NULL,
    grp TEXT NOT NULL,
    severity TEXT NOT NULL,
    status TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    fine_us INTEGER,
    gone_us INTEGER,
    seen_us INTEGER NOT NULL,
    incident TEXT,
    told TEXT,
    silenced INTEGER NOT NULL,
    summary TEXT NOT NULL,
    value REAL,
    bound REAL,
    usual REAL,
    PRIMARY KEY (organisation, rule, series)
) STRICT;
CREATE INDEX alert_states_status ON alert_states (organisation, status);

CREATE TABLE alert_incidents (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    rule TEXT NOT NULL,
    rule_name TEXT NOT NULL,
    series TEXT NOT NULL,
    severity TEXT NOT NULL,
    summary TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    ended_us INTEGER
) STRICT;
CREATE INDEX alert_incidents_started ON alert_incidents (organisation, started_us, id);

-- When a group was told last, and how often.
CREATE TABLE alert_groups (
    organisation TEXT NOT NULL,
    grp TEXT NOT NULL,
    told_us INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (organisation, grp)
) STRICT;

-- What is to be told, and what became of it: waiting, sent, failed. The id follows from what it tells.
CREATE TABLE alert_notices (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    status TEXT NOT NULL,
    claimed_until_us INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX alert_notices_due ON alert_notices (status, due_us);

-- Which process looks at the rules.
CREATE TABLE alert_lease (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    until_us INTEGER NOT NULL
) STRICT;
INSERT INTO alert_lease (id, owner, until_us) VALUES (1, '', 0);

-- The networks (IPv4 /24, IPv6 /48) each key has been used from.
CREATE TABLE key_networks (
    organisation TEXT NOT NULL,
    key_id TEXT NOT NULL,
    network TEXT NOT NULL,
    team_id TEXT,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    PRIMARY KEY (organisation, key_id, network)
) STRICT;
CREATE INDEX key_networks_first ON key_networks (organisation, first_us);
