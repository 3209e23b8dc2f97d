"""The tables of the container's one database, and how an older file becomes a newer one.

Each migration runs once, in order, in one transaction with its number (`PRAGMA user_version`).
Never edit one that was released: append.
"""

from __future__ import annotations

# Terminal and pending jobs are not due, all others are: the CHECK holds that at every commit, so no job that
# should run can be without a time to run at. Partial indexes keep the queries of every second as small as the
# work at hand, however many jobs are stored.
_FIRST = (
    """
    CREATE TABLE jobs (
        job_id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL,
        status TEXT NOT NULL,
        user_id TEXT,
        document TEXT NOT NULL,          -- the Job, as JSON
        due_at REAL,                     -- when a worker may take it up; NULL: nobody may
        lease_holder TEXT,
        lease_until REAL,
        lease_seconds REAL,              -- a lease_until further ahead: the clock stepped back
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        expires_at REAL NOT NULL,
        CHECK ((due_at IS NOT NULL) = (status IN ('queued', 'processing', 'waiting')))
    ) STRICT
    """,
    "CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX jobs_leased ON jobs (user_id) WHERE lease_until IS NOT NULL",
    "CREATE INDEX jobs_expiring ON jobs (expires_at)",
    """
    CREATE TABLE chunks (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        piece INTEGER NOT NULL,
        document TEXT NOT NULL,          -- the Piece, as JSON
        PRIMARY KEY (job_id, piece)
    ) STRICT
    """,
    """
    CREATE TABLE results (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        document TEXT NOT NULL           -- the Transcript, as JSON
    ) STRICT
    """,
    """
    CREATE TABLE events (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        job TEXT NOT NULL,               -- the Job as it was then, as JSON
        piece INTEGER,
        starts REAL,
        ends REAL,
        text TEXT,
        PRIMARY KEY (job_id, seq)
    ) STRICT
    """,
    """
    CREATE TABLE deliveries (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        target TEXT NOT NULL,
        ended INTEGER NOT NULL DEFAULT 0, -- the job had ended when this was wanted
        wanted_seq INTEGER NOT NULL DEFAULT 0,
        confirmed_seq INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_at REAL NOT NULL,
        last_error TEXT,
        PRIMARY KEY (job_id, target)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX deliveries_open ON deliveries (ended DESC, next_at, attempts, confirmed_seq)
        WHERE wanted_seq > confirmed_seq
    """,
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
)

# What `common.jobs.suspects` says of the job, so that a claim need not read documents.
_SUSPECTS = (
    "ALTER TABLE jobs ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX jobs_suspect ON jobs (due_at) WHERE suspect = 1",
)

# Texts for equal recordings, packed; the index also holds what is needed to count the bytes.
_CACHE = (
    """
    CREATE TABLE cache (
        answer TEXT PRIMARY KEY,
        recording TEXT NOT NULL,
        expires_at REAL NOT NULL,
        bytes INTEGER NOT NULL,
        document BLOB NOT NULL           -- the Transcript, as JSON under zlib
    ) STRICT
    """,
    "CREATE INDEX cache_recording ON cache (recording)",
    "CREATE INDEX cache_expiring ON cache (expires_at, bytes)",
)

_ACCESS_KEYS = (
    """
    CREATE TABLE access_keys (
        key_id TEXT PRIMARY KEY,
        created_at REAL NOT NULL,
        document TEXT NOT NULL           -- the AccessKey, as JSON: a digest, never the key
    ) STRICT
    """,
)

# Whose job it is: `Job.client`. Jobs of earlier versions have none, and all count as one client's.
_CLIENTS = (
    "ALTER TABLE jobs ADD COLUMN client TEXT",
    "CREATE INDEX jobs_of_client ON jobs (client, status) WHERE status <> 'completed'",
)

# For admins: what was used, what admins did, all jobs by age.
_ADMIN = (
    """
    CREATE TABLE usage (
        period TEXT NOT NULL,            -- hour:2026-01-31T09 or day:2026-01-31
        client TEXT NOT NULL,
        name TEXT NOT NULL,
        amount REAL NOT NULL,
        PRIMARY KEY (period, client, name)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE audit (number INTEGER PRIMARY KEY, document TEXT NOT NULL) STRICT",
    "CREATE INDEX jobs_created ON jobs (created_at, job_id)",
)

# The text as the engine gave it, once somebody has corrected it.
_ORIGINALS = ("ALTER TABLE results ADD COLUMN original TEXT",)

# Embeddings of voices, while a job runs. A job that no worker may run is without a time to run at.
_VOICES = (
    """
    CREATE TABLE voices (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
        stretch INTEGER NOT NULL,
        embeddings BLOB NOT NULL,
        PRIMARY KEY (job_id, stretch)
    ) STRICT
    """,
    """
    CREATE TRIGGER voices_end AFTER UPDATE OF due_at ON jobs WHEN NEW.due_at IS NULL
    BEGIN DELETE FROM voices WHERE job_id = NEW.job_id; END
    """,
)

# For admins: deliveries that fail and those that were refused.
_FAILING = ("CREATE INDEX deliveries_failing ON deliveries (next_at) WHERE last_error IS NOT NULL",)

# What gives completed jobs their speakers. A job whose document says how far that is has a task, and the
# embeddings that its run had kept; they go with the task, and with the job. In the document's text a value's
# quotes are escaped, so only a field can have this name.
_SPEAKER_TASKS = (
    """
    CREATE TABLE speaker_tasks (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        lease_holder TEXT,
        lease_until REAL,
        lease_seconds REAL
    ) STRICT
    """,
    """
    CREATE TABLE later_voices (
        job_id TEXT NOT NULL REFERENCES speaker_tasks ON DELETE CASCADE,
        stretch INTEGER NOT NULL,
        embeddings BLOB NOT NULL,
        PRIMARY KEY (job_id, stretch)
    ) STRICT
    """,
    """
    CREATE TRIGGER speaker_tasks_begin BEFORE UPDATE OF document ON jobs
        WHEN instr(NEW.document, '"speakersProgress":') > 0
        AND NOT EXISTS (SELECT 1 FROM speaker_tasks WHERE job_id = NEW.job_id)
    BEGIN
        INSERT INTO speaker_tasks (job_id, due_at) VALUES (NEW.job_id, NEW.updated_at);
        INSERT INTO later_voices SELECT job_id, stretch, embeddings FROM voices WHERE job_id = NEW.job_id;
    END
    """,
    """
    CREATE TRIGGER speaker_tasks_end AFTER UPDATE OF document ON jobs
        WHEN instr(OLD.document, '"speakersProgress":') > 0 AND instr(NEW.document, '"speakersProgress":') = 0
    BEGIN DELETE FROM speaker_tasks WHERE job_id = NEW.job_id; END
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    _FIRST,
    _SUSPECTS,
    _CACHE,
    _ACCESS_KEYS,
    _CLIENTS,
    _ADMIN,
    _ORIGINALS,
    _VOICES,
    _FAILING,
    _SPEAKER_TASKS,
)
