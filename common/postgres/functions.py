"""Functions in the database: each is one port call in one round trip, and holds its locks no longer than
that.

Every statement of a function sees what was committed before it began, so a row that was locked first is read
as it is. What a job, a delivery or an account becomes is decided in Python; the functions only compare and
keep. They belong to the migrations: a released one is never edited, a change gets another name.
"""

from __future__ import annotations

# SQL: the row is leased at `stated_now`. A lease that ends further ahead than anyone could have asked for was
# written by a clock that has stepped back since, and counts as over.
LEASED = """coalesce(
    jobs.lease_until > stated_now AND jobs.lease_until <= stated_now + 2 * jobs.lease_seconds, false
)"""

# SQL: a worker may take the job up.
CLAIMABLE = f"""(
        jobs.due_at IS NOT NULL AND NOT {LEASED} AND NOT jobs.job_id = ANY (busy) AND (
            jobs.due_at <= stated_now OR jobs.due_at > stated_now + far OR jobs.due_at = jobs.updated_at
            OR (jobs.due_at < jobs.updated_at AND jobs.status = 'processing')
        )
    )"""

# A job's document as its events keep it: they outlive what is deleted, and an address may be a signed one.
_WITHOUT_ADDRESS = """
CREATE FUNCTION escriba.without_address(document text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN strpos(document, '"sourceUrl"') > 0 THEN (document::jsonb - 'sourceUrl')::text
        ELSE document END
$$
"""

# A delivery as JSON: target, wanted_seq, confirmed_seq, attempts, next_at, last_error, ended.
_DELIVERIES_OF = """
CREATE FUNCTION escriba.deliveries_of(of_job text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_array(
        target, wanted_seq, confirmed_seq, attempts, next_at, last_error, ended) ORDER BY target), '[]')::text
    FROM escriba.deliveries WHERE job_id = of_job
$$
"""

_KEEP_DELIVERIES = """
CREATE FUNCTION escriba.keep_deliveries(of_job text, wanted text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO escriba.deliveries AS stored
        (job_id, target, wanted_seq, confirmed_seq, attempts, next_at, last_error, ended)
    SELECT of_job, one->>0, (one->>1)::int, (one->>2)::int, (one->>3)::int, (one->>4)::float8, one->>5,
        (one->>6)::boolean
    FROM jsonb_array_elements(wanted::jsonb) AS one
    ON CONFLICT (job_id, target) DO UPDATE SET
        wanted_seq = excluded.wanted_seq, confirmed_seq = excluded.confirmed_seq,
        attempts = excluded.attempts, next_at = excluded.next_at,
        last_error = excluded.last_error, ended = excluded.ended
$$
"""

# Keeps `wanted` where the deliveries are still `known`. It locks the job's row first, as a commit does.
_REPLACE_DELIVERIES = """
CREATE FUNCTION escriba.replace_deliveries(of_job text, known text, wanted text)
RETURNS TABLE (outcome text, stored text) LANGUAGE plpgsql AS $$
DECLARE
    current text;
BEGIN
    PERFORM 1 FROM escriba.jobs WHERE job_id = of_job FOR NO KEY UPDATE;
    current := escriba.deliveries_of(of_job);
    IF current <> known THEN
        RETURN QUERY SELECT 'changed', current;
        RETURN;
    END IF;
    PERFORM escriba.keep_deliveries(of_job, wanted);
    RETURN QUERY SELECT 'done', escriba.deliveries_of(of_job);
END
$$
"""

# NULL once the job is created; otherwise the document of the job that has this id already.
_CREATE_JOB = """
CREATE FUNCTION escriba.create_job(
    new_id text, new_seq integer, new_status text, new_suspect boolean, new_document text, new_due_at float8,
    new_updated_at float8, new_expires_at float8,
    event_type text, event_detail text, event_text text, notice text,
    new_user_id text, new_created_at float8, wanted text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    existing text;
BEGIN
    LOOP
        INSERT INTO escriba.jobs (job_id, seq, status, user_id, document, suspect, due_at,
            created_at, updated_at, expires_at)
        VALUES (new_id, new_seq, new_status, new_user_id, new_document, new_suspect, new_due_at,
            new_created_at, new_updated_at, new_expires_at)
        ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        SELECT document INTO existing FROM escriba.jobs WHERE job_id = new_id;
        IF FOUND THEN
            RETURN existing;
        END IF;
    END LOOP;
    INSERT INTO escriba.events
    VALUES (new_id, new_seq, event_type, escriba.without_address(new_document), event_detail, event_text);
    PERFORM escriba.keep_deliveries(new_id, wanted);
    PERFORM pg_notify('escriba', notice);
    RETURN NULL;
END
$$
"""

# outcome: 'done', 'missing', 'stale' (with the stored document), or 'changed' (with the deliveries as they
# are).
_COMMIT_JOB = """
CREATE FUNCTION escriba.commit_job(
    of_job text, new_seq integer, new_status text, new_suspect boolean, new_document text, new_due_at float8,
    new_updated_at float8, new_expires_at float8,
    event_type text, event_detail text, event_text text, notice text,
    new_result text, known text, wanted text
) RETURNS TABLE (outcome text, stored text) LANGUAGE plpgsql AS $$
DECLARE
    last record;
    current text;
BEGIN
    SELECT seq, document INTO last FROM escriba.jobs WHERE job_id = of_job FOR UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'missing', NULL;
        RETURN;
    END IF;
    IF last.seq <> new_seq - 1 THEN
        RETURN QUERY SELECT 'stale', last.document;
        RETURN;
    END IF;
    current := escriba.deliveries_of(of_job);
    IF current <> known THEN
        RETURN QUERY SELECT 'changed', current;
        RETURN;
    END IF;
    -- A job that runs stays due, so that it comes back by itself when its lease runs out.
    UPDATE escriba.jobs SET
        seq = new_seq, status = new_status, document = new_document, suspect = new_suspect,
        updated_at = new_updated_at, expires_at = new_expires_at,
        due_at = CASE WHEN new_status = 'processing' THEN coalesce(due_at, new_due_at) ELSE new_due_at END,
        lease_holder = CASE WHEN new_due_at IS NULL THEN NULL ELSE lease_holder END,
        lease_until = CASE WHEN new_due_at IS NULL THEN NULL ELSE lease_until END,
        lease_seconds = CASE WHEN new_due_at IS NULL THEN NULL ELSE lease_seconds END
    WHERE job_id = of_job;
    -- The mere progress that this event supersedes goes, so that a job's events stay few.
    DELETE FROM escriba.events WHERE job_id = of_job AND seq = new_seq - 1 AND type = 'progress';
    INSERT INTO escriba.events
    VALUES (of_job, new_seq, event_type, escriba.without_address(new_document), event_detail, event_text);
    IF new_result IS NOT NULL THEN
        INSERT INTO escriba.results VALUES (of_job, new_result)
        ON CONFLICT (job_id) DO UPDATE SET document = excluded.document;
    END IF;
    IF wanted <> '[]' THEN
        PERFORM escriba.keep_deliveries(of_job, wanted);
        current := escriba.deliveries_of(of_job);
    END IF;
    PERFORM pg_notify('escriba', notice);
    RETURN QUERY SELECT 'done', current;
END
$$
"""

# Leases the next job that may begin. Of users' jobs those come first whose user has the fewest running jobs,
# among them those of the user whose last turn is longest ago, then the job that has been due for longest.
# `verdicts` are what common.jobs.suspects says in each of the eight cases. One claim at a time, on all
# instances together. A caller whose clock is off by more than `tolerance` gets no job; every caller gets the
# database's time.
CLAIM_JOB = f"""
CREATE FUNCTION escriba.claim_job(
    stated_now float8, tolerance float8, holder text, seconds float8, far float8, busy text[], verdicts text[]
) RETURNS TABLE (clock float8, claimed text) LANGUAGE plpgsql AS $$
DECLARE
    suspect_runs boolean;
    other_runs boolean;
    suspect_is_due boolean;
    verdict text;
    chosen record;
BEGIN
    clock := extract(epoch FROM clock_timestamp());
    IF abs(clock - stated_now) > tolerance THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7305788, 1);
    SELECT coalesce(bool_or(suspect), false), coalesce(bool_or(NOT suspect), false)
        INTO suspect_runs, other_runs
        FROM escriba.jobs WHERE due_at IS NOT NULL AND ({LEASED} OR job_id = ANY (busy));
    suspect_is_due := EXISTS (SELECT 1 FROM escriba.jobs WHERE suspect AND {{claimable}});
    verdict := verdicts[1 + 4 * suspect_runs::int + 2 * other_runs::int + suspect_is_due::int];
    IF verdict = 'nobody' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT jobs.job_id, coalesce(jobs.user_id, '') AS user_id INTO chosen FROM escriba.jobs
        LEFT JOIN (
            SELECT user_id, count(*) AS running FROM escriba.jobs
            WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY user_id
        ) AS share ON share.user_id IS NOT DISTINCT FROM jobs.user_id
        LEFT JOIN escriba.turns ON turns.user_id = coalesce(jobs.user_id, '')
        WHERE jobs.suspect = (verdict = 'suspects') AND {{claimable}}
        ORDER BY coalesce(share.running, 0), coalesce(turns.at, 0), jobs.due_at LIMIT 1
        FOR UPDATE OF jobs SKIP LOCKED;
    IF FOUND THEN
        UPDATE escriba.jobs SET
            lease_holder = holder, lease_until = stated_now + seconds, lease_seconds = seconds
            WHERE job_id = chosen.job_id;
        DELETE FROM escriba.turns WHERE turns.at < stated_now - 3600;
        INSERT INTO escriba.turns AS turn VALUES (chosen.user_id, extract(epoch FROM clock_timestamp()))
            ON CONFLICT (user_id) DO UPDATE SET at = greatest(turn.at, excluded.at);
        claimed := chosen.job_id;
    END IF;
    RETURN NEXT;
END
$$
""".replace("{claimable}", CLAIMABLE)

# Stores `after` where the value is still `before` (NULL: there is none), and returns what it was.
SWAP_VALUE = """
CREATE FUNCTION escriba.swap_value(of_key text, before text, after text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    current text;
BEGIN
    -- A row that is missing cannot be locked.
    INSERT INTO escriba.meta VALUES (of_key, NULL) ON CONFLICT DO NOTHING;
    SELECT value INTO current FROM escriba.meta WHERE key = of_key FOR UPDATE;
    IF current IS NOT DISTINCT FROM before AND after IS DISTINCT FROM before THEN
        UPDATE escriba.meta SET value = after WHERE key = of_key;
    END IF;
    RETURN current;
END
$$
"""

ON_DELIVERIES = (_REPLACE_DELIVERIES,)
ON_JOBS = (_WITHOUT_ADDRESS, _DELIVERIES_OF, _KEEP_DELIVERIES, _CREATE_JOB, _COMMIT_JOB)
