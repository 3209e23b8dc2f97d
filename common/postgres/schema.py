"""The tables in Postgres, and how an older database becomes a newer one.

Migrations only add: during a deployment an old and a new version of Escriba use the same database. So a
released migration is never edited, no column or function is changed or dropped, and a new column has a
default.

All lies in a schema of its own: some providers serve the schema `public` to anybody over HTTP. JSON is text,
since Postgres's own types refuse the character NUL. Times are epoch seconds of the database's clock.
"""

from __future__ import annotations

from common.postgres import fair_claim, functions

_TABLES = (
    """
    CREATE TABLE escriba.jobs (
        job_id text PRIMARY KEY,
        seq integer NOT NULL,
        status text NOT NULL,
        user_id text,                    -- as a JSON string
        document text NOT NULL,          -- the Job, as JSON
        suspect boolean NOT NULL,
        due_at float8,                   -- when a worker may take it up; NULL: nobody may
        lease_holder text,
        lease_until float8,
        lease_seconds float8,
        created_at float8 NOT NULL,
        updated_at float8 NOT NULL,
        expires_at float8 NOT NULL,
        CHECK ((due_at IS NOT NULL) = (status IN ('queued', 'processing', 'waiting')))
    )
    """,
    "CREATE INDEX jobs_due ON escriba.jobs (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX jobs_expiring ON escriba.jobs (expires_at)",
    """
    CREATE TABLE escriba.pieces (
        job_id text NOT NULL REFERENCES escriba.jobs ON DELETE CASCADE,
        piece integer NOT NULL,
        document text NOT NULL,          -- the Piece, as JSON
        PRIMARY KEY (job_id, piece)
    )
    """,
    """
    CREATE TABLE escriba.results (
        job_id text PRIMARY KEY REFERENCES escriba.jobs ON DELETE CASCADE,
        document text NOT NULL           -- the Transcript, as JSON
    )
    """,
    """
    CREATE TABLE escriba.events (
        job_id text NOT NULL REFERENCES escriba.jobs ON DELETE CASCADE,
        seq integer NOT NULL,
        type text NOT NULL,
        job text NOT NULL,               -- the Job as it was then, as JSON
        detail text NOT NULL,            -- index, start and end of a piece, as JSON
        text text,                       -- of a piece, as a JSON string
        PRIMARY KEY (job_id, seq)
    )
    """,
    """
    CREATE TABLE escriba.deliveries (
        job_id text NOT NULL REFERENCES escriba.jobs ON DELETE CASCADE,
        target text NOT NULL,
        wanted_seq integer NOT NULL,
        confirmed_seq integer NOT NULL,
        attempts integer NOT NULL,
        next_at float8 NOT NULL,
        last_error text,
        ended boolean NOT NULL,          -- the job had ended when this was wanted
        PRIMARY KEY (job_id, target)
    )
    """,
    """
    CREATE INDEX deliveries_open ON escriba.deliveries (ended DESC, next_at, attempts, confirmed_seq)
        WHERE wanted_seq > confirmed_seq
    """,
    # Texts for equal recordings, packed.
    """
    CREATE TABLE escriba.cache (
        answer text PRIMARY KEY,
        recording text NOT NULL,
        expires_at float8 NOT NULL,
        bytes integer NOT NULL,
        document bytea NOT NULL          -- the Transcript, as JSON under zlib
    )
    """,
    "CREATE INDEX cache_recording ON escriba.cache (recording)",
    "CREATE INDEX cache_expiring ON escriba.cache (expires_at, bytes)",
    # When a job of each user was last claimed, by any instance.
    "CREATE TABLE escriba.turns (user_id text PRIMARY KEY, at float8 NOT NULL)",
)

_ACCESS_KEYS = (
    """
    CREATE TABLE escriba.access_keys (
        key_id text PRIMARY KEY,
        created_at float8 NOT NULL,
        document text NOT NULL           -- the AccessKey, as JSON: a digest, never the key
    )
    """,
)

# Whose job it is: `Job.client`. Those of earlier versions have none, and all count as one client's.
_CLIENTS = (
    "ALTER TABLE escriba.jobs ADD COLUMN client text",
    "CREATE INDEX jobs_of_client ON escriba.jobs (client, status) WHERE status <> 'completed'",
    "CREATE TABLE escriba.client_turns (client text PRIMARY KEY, finish float8 NOT NULL)",
    fair_claim.CREATE_JOB_OF,
    fair_claim.CLAIM_FAIRLY,
)

# For admins: what was used, what admins did, all jobs by age.
_ADMIN = (
    """
    CREATE TABLE escriba.usage (
        period text NOT NULL,            -- hour:2026-01-31T09 or day:2026-01-31
        client text NOT NULL,
        name text NOT NULL,
        amount float8 NOT NULL,
        PRIMARY KEY (period, client, name)
    )
    """,
    """
    CREATE TABLE escriba.audit (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        document text NOT NULL
    )
    """,
    "CREATE INDEX jobs_created ON escriba.jobs (created_at, job_id)",
)

# Embeddings of voices, while a job runs. A job that no worker may run is without a time to run at.
_VOICES = (
    """
    CREATE TABLE escriba.voices (
        job_id text NOT NULL REFERENCES escriba.jobs ON DELETE CASCADE,
        stretch integer NOT NULL,
        embeddings bytea NOT NULL,
        PRIMARY KEY (job_id, stretch)
    )
    """,
    """
    CREATE FUNCTION escriba.delete_voices() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM escriba.voices WHERE job_id = NEW.job_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER voices_end AFTER UPDATE OF due_at ON escriba.jobs
        FOR EACH ROW WHEN (NEW.due_at IS NULL) EXECUTE FUNCTION escriba.delete_voices()
    """,
)

# What gives completed jobs their speakers. A job whose document says how far that is has a task, and the
# embeddings that its run had kept; they go with the task, and with the job. In the document's text a value's
# quotes are escaped, so only a field can have this name.
_SPEAKER_TASKS = (
    """
    CREATE TABLE escriba.speaker_tasks (
        job_id text PRIMARY KEY REFERENCES escriba.jobs ON DELETE CASCADE,
        due_at float8 NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        lease_holder text,
        lease_until float8,
        lease_seconds float8
    )
    """,
    """
    CREATE TABLE escriba.later_voices (
        job_id text NOT NULL REFERENCES escriba.speaker_tasks ON DELETE CASCADE,
        stretch integer NOT NULL,
        embeddings bytea NOT NULL,
        PRIMARY KEY (job_id, stretch)
    )
    """,
    """
    CREATE FUNCTION escriba.begin_speaker_task() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO escriba.speaker_tasks (job_id, due_at) VALUES (NEW.job_id, NEW.updated_at)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO escriba.later_voices
            SELECT job_id, stretch, embeddings FROM escriba.voices WHERE job_id = NEW.job_id;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION escriba.end_speaker_task() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM escriba.speaker_tasks WHERE job_id = NEW.job_id;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER speaker_tasks_begin BEFORE UPDATE OF document ON escriba.jobs
        FOR EACH ROW WHEN (strpos(NEW.document, '"speakersProgress":') > 0)
        EXECUTE FUNCTION escriba.begin_speaker_task()
    """,
    """
    CREATE TRIGGER speaker_tasks_end AFTER UPDATE OF document ON escriba.jobs
        FOR EACH ROW WHEN (strpos(OLD.document, '"speakersProgress":') > 0
            AND strpos(NEW.document, '"speakersProgress":') = 0)
        EXECUTE FUNCTION escriba.end_speaker_task()
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (*_TABLES, *functions.ON_JOBS, *functions.ON_DELIVERIES, functions.CLAIM_JOB, functions.SWAP_VALUE),
    _ACCESS_KEYS,
    _CLIENTS,
    _ADMIN,
    # The text as the engine gave it, once somebody has corrected it.
    ("ALTER TABLE escriba.results ADD COLUMN original text",),
    _VOICES,
    # For admins: deliveries that fail and those that were refused.
    ("CREATE INDEX deliveries_failing ON escriba.deliveries (next_at) WHERE last_error IS NOT NULL",),
    _SPEAKER_TASKS,
)
