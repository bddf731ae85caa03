-- compatible-from: 1
-- Suites of tests that the server runs by itself, what of them could not be run, and which process is at it.

CREATE TABLE prompt_suites (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    archived_us INTEGER,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    file TEXT NOT NULL,
    prompts TEXT NOT NULL,
    sources TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    cells TEXT NOT NULL,
    asks TEXT NOT NULL,
    cases INTEGER NOT NULL,
    git_commit TEXT,
    published_by TEXT NOT NULL,
    UNIQUE (organisation, name)
) STRICT;
CREATE INDEX prompt_suites_listed ON prompt_suites (organisation, created_us, id);

-- Kept until the same is tested after all.
CREATE TABLE prompt_test_failures (
    organisation TEXT NOT NULL,
    suite TEXT NOT NULL,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    cell TEXT NOT NULL,
    message TEXT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    times INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (organisation, suite, subject, digest, cell)
) STRICT;

CREATE TABLE prompt_test_lease (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    until_us INTEGER NOT NULL
) STRICT;
INSERT INTO prompt_test_lease (id, owner, until_us) VALUES (1, '', 0);
