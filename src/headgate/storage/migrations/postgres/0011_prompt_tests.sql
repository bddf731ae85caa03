-- compatible-from: 1
-- What came of tests of released prompts, and of models' golden sets, each held against the first of its kind.

CREATE TABLE prompt_tests (
    id TEXT PRIMARY KEY,
    organisation TEXT NOT NULL,
    version BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    updated_us BIGINT NOT NULL,
    archived_us BIGINT,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    suite TEXT NOT NULL,
    cell TEXT NOT NULL,
    run TEXT NOT NULL,
    ran_us BIGINT NOT NULL,
    figures TEXT NOT NULL,
    verdict TEXT NOT NULL,
    baseline TEXT,
    comparison TEXT NOT NULL,
    cases TEXT NOT NULL,
    posted_by TEXT NOT NULL,
    UNIQUE (organisation, subject, digest, suite, cell, run)
);
CREATE INDEX prompt_tests_listed ON prompt_tests (organisation, created_us, id);
CREATE INDEX prompt_tests_of ON prompt_tests (organisation, subject, created_us);
