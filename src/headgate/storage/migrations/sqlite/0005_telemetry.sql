-- compatible-from: 1
-- What became of calls, each for as long as it is kept, and what they come to by minute, hour and day.

CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    kept TEXT NOT NULL,
    organisation TEXT NOT NULL,
    started_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    model TEXT NOT NULL,
    target TEXT NOT NULL,
    operation TEXT NOT NULL,
    streamed INTEGER NOT NULL,
    code TEXT,
    attempts INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    team_id TEXT,
    project_id TEXT,
    user_id TEXT,
    end_user TEXT,
    first_token_us INTEGER,
    overhead_us INTEGER NOT NULL,
    queued_us INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_picodollars INTEGER,
    prompt_version TEXT,
    arm TEXT,
    trace_id TEXT,
    tags TEXT NOT NULL,
    events TEXT NOT NULL
) STRICT;
CREATE INDEX calls_started ON calls (organisation, started_us);
CREATE INDEX calls_trace ON calls (trace_id) WHERE trace_id IS NOT NULL;

-- Up to which of its calls those of a process have been counted.
CREATE TABLE rollup_marks (
    owner TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

-- What batches of records come to, until it is merged into the sums.
CREATE TABLE rollup_inbox (
    id INTEGER PRIMARY KEY,
    cells BLOB NOT NULL
) STRICT;

-- Up to when the sums by hour (level 3600) and by day (86400) are made of those below; what comes later for a time before
-- that is added to them as well.
CREATE TABLE rollup_closed (
    level INTEGER PRIMARY KEY,
    until_s INTEGER NOT NULL
) STRICT;
INSERT INTO rollup_closed (level, until_s) VALUES (3600, 0), (86400, 0);

CREATE TABLE rollups (
    organisation TEXT NOT NULL,
    cube TEXT NOT NULL,
    level INTEGER NOT NULL,
    start_s INTEGER NOT NULL,
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    counts BLOB NOT NULL,
    duration BLOB,
    sketches BLOB NOT NULL,
    PRIMARY KEY (organisation, cube, level, start_s, first, second)
) STRICT;
CREATE INDEX rollups_first ON rollups (organisation, cube, level, first, start_s);
CREATE INDEX rollups_start ON rollups (level, start_s);

-- The names there are in a cube on a day, so that there are not too many.
CREATE TABLE rollup_names (
    organisation TEXT NOT NULL,
    cube TEXT NOT NULL,
    day_s INTEGER NOT NULL,
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    PRIMARY KEY (organisation, cube, day_s, first, second)
) STRICT;
