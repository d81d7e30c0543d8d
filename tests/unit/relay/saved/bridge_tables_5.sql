BEGIN TRANSACTION;
CREATE TABLE bridge_changes (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id TEXT NOT NULL,
        state      TEXT NOT NULL,
        attempts   INTEGER NOT NULL,
        at         REAL NOT NULL
    ) STRICT
    ;
INSERT INTO "bridge_changes" VALUES(1,'0000000000000001','queued',0,1800000000.0);
INSERT INTO "bridge_changes" VALUES(2,'0000000000000001','relaying',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(3,'0000000000000001','relaying',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(4,'0000000000000001','running',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(5,'0000000000000001','succeeded',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(6,'0000000000000002','queued',0,1800000000.0);
INSERT INTO "bridge_changes" VALUES(7,'0000000000000002','relaying',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(8,'0000000000000002','needs_login',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(9,'0000000000000003','queued',0,1800000000.0);
INSERT INTO "bridge_changes" VALUES(10,'0000000000000003','relaying',1,1800000000.0);
INSERT INTO "bridge_changes" VALUES(11,'0000000000000004','queued',0,1800000000.0);
INSERT INTO "bridge_changes" VALUES(12,'0000000000000004','running',0,1800000000.0);
INSERT INTO "bridge_changes" VALUES(13,'0000000000000005','queued',0,1800000000.0);
CREATE TABLE bridge_chats (
        turn_id         TEXT PRIMARY KEY,
        request_id      TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        chat_id         TEXT NOT NULL,
        began_at        REAL NOT NULL,
        ended_at        REAL
    ) STRICT
    ;
INSERT INTO "bridge_chats" VALUES('t0','0000000000000001','v0','c0',1800000000.0,1800000000.0);
CREATE TABLE bridge_notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO "bridge_notes" VALUES('mailbox','7512');
CREATE TABLE bridge_requests (
        seq             INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id      TEXT NOT NULL UNIQUE,
        source          TEXT NOT NULL,
        requester       TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        fingerprint     TEXT NOT NULL,
        tool            TEXT NOT NULL,
        arguments       TEXT NOT NULL,
        relay           TEXT NOT NULL,
        state           TEXT NOT NULL,
        accepted_at     REAL NOT NULL,
        expires_at      REAL NOT NULL,
        changed_at      REAL NOT NULL,
        finished_at     REAL,
        not_before      REAL NOT NULL DEFAULT 0,
        attempts        INTEGER NOT NULL DEFAULT 0,
        claim           INTEGER NOT NULL DEFAULT 0,  -- fences writes of a worker that was too slow
        worker          TEXT NOT NULL DEFAULT '',
        lease_until     REAL,
        takeovers       INTEGER NOT NULL DEFAULT 0,
        cancel_wanted   INTEGER NOT NULL DEFAULT 0,
        handle_digest   TEXT NOT NULL DEFAULT '',
        handle_used_by  TEXT NOT NULL DEFAULT '',
        call_id         TEXT NOT NULL DEFAULT '',
        result          TEXT NOT NULL DEFAULT '',
        problem         TEXT NOT NULL DEFAULT '',    -- JSON of events.Problem
        delivered_at    REAL,
        reply_to        TEXT NOT NULL DEFAULT ''     -- the key of the request that this one repeats
    ) STRICT
    ;
INSERT INTO "bridge_requests" VALUES(1,'0000000000000001','http','','done','f1ec01f1a4f724f3b61fad24b3198e2d6b2553163c65c4def114eae9e84d85fc','note','{"text": "done"}','bot','succeeded',1800000000.0,2800000000.0,1800000000.0,1800000000.0,0.0,1,1,'w',NULL,0,0,'d','c0/x','call0','{"status": "success", "noted": "done"}','',NULL,'');
INSERT INTO "bridge_requests" VALUES(2,'0000000000000002','http','','login','7200f55ec3d902670b8e7601eda2d4c14e618dc57d8579f60ffc8f52c539f74a','note','{"text": "login"}','bot','needs_login',1800000000.0,2800000000.0,1800000000.0,NULL,0.0,1,1,'w',NULL,0,0,'d','','','','{"kind": "needs_login", "message": "The request waits for a login: expired", "hint": "Log in", "code": 4100, "logid": "logid1"}',NULL,'');
INSERT INTO "bridge_requests" VALUES(3,'0000000000000003','http','','relaying','9ad6085d18fe1dbd4920a48e65b1a451745233d34aa29df1a9464e6f4811fd97','note','{"text": "relaying"}','bot','relaying',1800000000.0,2800000000.0,1800000000.0,NULL,0.0,1,1,'w',2800000000.0,0,0,'d','','','','',NULL,'');
INSERT INTO "bridge_requests" VALUES(4,'0000000000000004','http','','running','57eb6cd0786ce927571781389fbed7ec7bb273bac28191b5c89fe3e4d9559b79','note','{"text": "running"}','direct','running',1800000000.0,2800000000.0,1800000000.0,NULL,0.0,0,1,'w',2800000000.0,0,0,'','','call3','','',NULL,'');
INSERT INTO "bridge_requests" VALUES(5,'0000000000000005','mailbox','m','queued','8f296c4c5fb47a91dacce9ff38b8e3bd054a5b8e27291fb8c2d3fa262fbb0ec7','note','{"text": "待处理"}','bot','queued',1800000000.0,2800000000.0,1800000000.0,NULL,0.0,0,0,'',NULL,0,0,'','','','','',NULL,'');
CREATE TABLE bridge_runs (
        run_id      TEXT PRIMARY KEY,
        workflow_id TEXT NOT NULL,
        event_id    TEXT NOT NULL,
        kind        INTEGER NOT NULL,
        node        TEXT NOT NULL,
        data        TEXT NOT NULL,
        question    TEXT NOT NULL,
        at          REAL NOT NULL,
        owner       TEXT NOT NULL DEFAULT ''  -- process that follows it (`journal.Owner`); empty: none
    ) STRICT
    ;
CREATE TABLE bridge_schema (version INTEGER NOT NULL) STRICT;
INSERT INTO "bridge_schema" VALUES(5);
CREATE TABLE calls (
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
CREATE TABLE conversations (
    conversation_id TEXT PRIMARY KEY,
    scope           TEXT NOT NULL,
    title           TEXT NOT NULL,
    created_at      REAL NOT NULL,
    updated_at      REAL NOT NULL
) STRICT;
CREATE TABLE deleted_conversations (
    conversation_id TEXT PRIMARY KEY,
    deleted_at      REAL NOT NULL
) STRICT;
CREATE TABLE messages (
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
CREATE TABLE turns (
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
CREATE TABLE unfinished_runs (
    chat_id      TEXT NOT NULL,
    tool_call_id TEXT NOT NULL,
    runs         INTEGER NOT NULL,
    PRIMARY KEY (chat_id, tool_call_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE workflow_events (
    seq    INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    kind   TEXT NOT NULL,  -- class in core.events
    event  TEXT NOT NULL   -- its fields as JSON
) STRICT;
CREATE TABLE workflow_runs (
    run_id          TEXT PRIMARY KEY,
    scope           TEXT NOT NULL,
    conversation_id TEXT NOT NULL,  -- empty: outside any
    owner           TEXT NOT NULL,  -- the process that followed it last
    started_at      REAL NOT NULL
) STRICT;
CREATE TABLE written_drafts (
    call_id     TEXT NOT NULL,
    name        TEXT NOT NULL,
    path        TEXT NOT NULL,
    duration_us INTEGER NOT NULL,
    issues      INTEGER NOT NULL,
    at          REAL NOT NULL,
    PRIMARY KEY (call_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX bridge_chats_by_request ON bridge_chats (request_id, began_at);
CREATE INDEX bridge_changes_by_request ON bridge_changes (request_id, seq);
CREATE INDEX conversations_by_age ON conversations (scope, updated_at);
CREATE INDEX turns_open ON turns (scope) WHERE state = 'open';
CREATE INDEX turns_by_conversation ON turns (conversation_id, started_at);
CREATE UNIQUE INDEX calls_once ON calls (chat_id, tool_call_id) WHERE tool_call_id <> '';
CREATE INDEX calls_by_age ON calls (scope, requested_at);
CREATE INDEX workflow_runs_by_conversation ON workflow_runs (scope, conversation_id, started_at);
CREATE INDEX workflow_events_by_run ON workflow_events (run_id, seq);
CREATE UNIQUE INDEX bridge_keys ON bridge_requests (source, requester, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX bridge_open ON bridge_requests (seq, state) WHERE state IN ('queued', 'relaying', 'running', 'needs_login', 'needs_quota');
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('bridge_changes',15);
INSERT INTO "sqlite_sequence" VALUES('bridge_requests',6);
COMMIT;
