-- compatible-from: 1
-- Prompts: versions, which never change; labels, which say what is released; every move of a label, asked for or made.

CREATE TABLE prompt_versions (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    archived_us BIGINT,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    file TEXT NOT NULL,
    sources TEXT NOT NULL,
    git_commit TEXT,
    note TEXT NOT NULL,
    published_by TEXT NOT NULL,
    UNIQUE (organisation, name, digest)
);
CREATE INDEX prompt_versions_listed ON prompt_versions (organisation, created_us, id);
CREATE INDEX prompt_versions_changed ON prompt_versions (revision);

CREATE TABLE prompt_labels (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    archived_us BIGINT,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    digest TEXT NOT NULL,
    moved_by TEXT NOT NULL,
    UNIQUE (organisation, name, label),
    FOREIGN KEY (organisation, name, digest) REFERENCES prompt_versions (organisation, name, digest)
);
CREATE INDEX prompt_labels_listed ON prompt_labels (organisation, created_us, id);
CREATE INDEX prompt_labels_changed ON prompt_labels (revision);

CREATE TABLE prompt_moves (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    archived_us BIGINT,
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    kind TEXT NOT NULL,
    from_digest TEXT,
    to_digest TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    person TEXT NOT NULL,
    decided_by TEXT,
    decided_us BIGINT,
    decision TEXT NOT NULL,
    FOREIGN KEY (organisation, name, to_digest) REFERENCES prompt_versions (organisation, name, digest)
);
CREATE INDEX prompt_moves_listed ON prompt_moves (organisation, created_us, id);
CREATE INDEX prompt_moves_of ON prompt_moves (organisation, name, label, created_us);
