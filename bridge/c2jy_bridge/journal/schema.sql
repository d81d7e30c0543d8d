-- Times are Unix seconds. `scope` is host/bot: a conversation belongs to one Bot on one host.

CREATE TABLE IF NOT EXISTS conversations (
    conversation_id TEXT PRIMARY KEY,
    scope           TEXT NOT NULL,
    title           TEXT NOT NULL,
    created_at      REAL NOT NULL,
    updated_at      REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS conversations_by_age ON conversations (scope, updated_at);

CREATE TABLE IF NOT EXISTS turns (
    turn_id         TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    chat_id         TEXT NOT NULL,
    scope           TEXT NOT NULL,
    source          TEXT NOT NULL,
    question        TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'completed', 'failed', 'cancelled')),
    owner           TEXT NOT NULL,  -- the process that runs it: Owner.name
    started_at      REAL NOT NULL,
    ended_at        REAL,
    total_tokens    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS turns_open ON turns (scope) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS turns_by_conversation ON turns (conversation_id, started_at);

CREATE TABLE IF NOT EXISTS messages (
    seq        INTEGER PRIMARY KEY,
    turn_id    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('question', 'answer', 'follow_up', 'error', 'notice')),
    text       TEXT NOT NULL,
    reasoning  TEXT NOT NULL DEFAULT '',
    at         REAL NOT NULL,
    thought_s  REAL,  -- since version 2: seconds of reasoning before the answer
    UNIQUE (turn_id, kind, message_id)
) STRICT;

-- A row with an outcome is a receipt: that call is never run again.
CREATE TABLE IF NOT EXISTS calls (
    call_id         TEXT PRIMARY KEY,
    turn_id         TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    chat_id         TEXT NOT NULL,
    tool_call_id    TEXT NOT NULL,
    tool            TEXT NOT NULL,
    arguments       TEXT NOT NULL,
    args_sha256     TEXT NOT NULL,
    source          TEXT NOT NULL,
    scope           TEXT NOT NULL,
    requested_at    REAL NOT NULL,
    started_at      REAL,
    finished_at     REAL,
    submitted_at    REAL,
    outcome         TEXT,
    output          TEXT NOT NULL DEFAULT '',
    error           TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS calls_once ON calls (chat_id, tool_call_id) WHERE tool_call_id <> '';
CREATE INDEX IF NOT EXISTS calls_by_age ON calls (scope, requested_at);

CREATE TABLE IF NOT EXISTS deleted_conversations (
    conversation_id TEXT PRIMARY KEY,
    deleted_at      REAL NOT NULL
) STRICT;

-- Drafts that a tool call wrote, shown with its conversation.
CREATE TABLE IF NOT EXISTS written_drafts (
    call_id     TEXT NOT NULL,
    name        TEXT NOT NULL,
    path        TEXT NOT NULL,
    duration_us INTEGER NOT NULL,
    issues      INTEGER NOT NULL,
    at          REAL NOT NULL,
    PRIMARY KEY (call_id, name)
) STRICT, WITHOUT ROWID;

-- Runs of a call that came to no end, because the process did.
CREATE TABLE IF NOT EXISTS unfinished_runs (
    chat_id      TEXT NOT NULL,
    tool_call_id TEXT NOT NULL,
    runs         INTEGER NOT NULL,
    PRIMARY KEY (chat_id, tool_call_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS workflow_runs (
    run_id          TEXT PRIMARY KEY,
    scope           TEXT NOT NULL,
    conversation_id TEXT NOT NULL,  -- empty: outside any
    owner           TEXT NOT NULL,  -- the process that followed it last
    started_at      REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS workflow_runs_by_conversation ON workflow_runs (scope, conversation_id, started_at);

CREATE TABLE IF NOT EXISTS workflow_events (
    seq    INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    kind   TEXT NOT NULL,  -- class in core.events
    event  TEXT NOT NULL   -- its fields as JSON
) STRICT;
CREATE INDEX IF NOT EXISTS workflow_events_by_run ON workflow_events (run_id, seq);
