"""Functions in the database that know a job's client: it is created with one, and claimed in fair turns.

As all functions there, a released one is never edited: a change gets another name.
"""

from __future__ import annotations

from common.postgres.functions import CLAIMABLE, LEASED

# `escriba.create_job`, with the client in a column of its own: an older version that runs beside this one
# reads every document.
CREATE_JOB_OF = """
CREATE FUNCTION escriba.create_job_of(
    new_client text,
    new_id text, new_seq integer, new_status text, new_suspect boolean, new_document text, new_due_at float8,
    new_updated_at float8, new_expires_at float8,
    event_type text, event_detail text, event_text text, notice text,
    new_user_id text, new_created_at float8, wanted text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    existing text;
BEGIN
    existing := escriba.create_job(new_id, new_seq, new_status, new_suspect, new_document, new_due_at,
        new_updated_at, new_expires_at, event_type, event_detail, event_text, notice, new_user_id,
        new_created_at, wanted);
    IF existing IS NULL THEN
        UPDATE escriba.jobs SET client = new_client WHERE job_id = new_id;
    END IF;
    RETURN existing;
END
$$
"""

# Leases the next job that may begin, in the order of common.jobs.fair_turns: `client_turns` has the finishes
# of clients, and the clock under the name `*`; `turns` has when a user's job was last claimed. `verdicts` are
# what common.jobs.suspects says in each of the eight cases. One claim at a time, on all instances together. A
# caller whose clock is off by more than `tolerance` gets no job; every caller gets the database's time.
CLAIM_FAIRLY = f"""
CREATE FUNCTION escriba.claim_fairly(
    stated_now float8, tolerance float8, holder text, seconds float8, far float8, busy text[],
    verdicts text[], base_cost float8, unknown_cost float8
) RETURNS TABLE (clock float8, claimed text) LANGUAGE plpgsql AS $$
DECLARE
    suspect_runs boolean;
    other_runs boolean;
    suspect_is_due boolean;
    verdict text;
    chosen record;
    started_at float8;
    size_bytes float8;
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
    suspect_is_due := EXISTS (SELECT 1 FROM escriba.jobs WHERE suspect AND {CLAIMABLE});
    verdict := verdicts[1 + 4 * suspect_runs::int + 2 * other_runs::int + suspect_is_due::int];
    IF verdict = 'nobody' THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT jobs.job_id, coalesce(jobs.client, '') AS client, coalesce(jobs.user_id, '') AS user_id,
            jobs.document INTO chosen
        FROM escriba.jobs
        LEFT JOIN (
            SELECT client, count(*) AS running FROM escriba.jobs
            WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY client
        ) AS by_client ON by_client.client IS NOT DISTINCT FROM jobs.client
        LEFT JOIN (
            SELECT client, user_id, count(*) AS running FROM escriba.jobs
            WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY client, user_id
        ) AS by_user ON by_user.client IS NOT DISTINCT FROM jobs.client
            AND by_user.user_id IS NOT DISTINCT FROM jobs.user_id
        LEFT JOIN escriba.client_turns ON client_turns.client = coalesce(jobs.client, '')
        LEFT JOIN escriba.turns
            ON turns.user_id = coalesce(jobs.client, '') || ' ' || coalesce(jobs.user_id, '')
        WHERE jobs.suspect = (verdict = 'suspects') AND {CLAIMABLE}
        ORDER BY coalesce(by_client.running, 0), coalesce(client_turns.finish, 0),
            coalesce(by_user.running, 0), coalesce(turns.at, 0), jobs.due_at LIMIT 1
        FOR UPDATE OF jobs SKIP LOCKED;
    IF FOUND THEN
        UPDATE escriba.jobs SET
            lease_holder = holder, lease_until = stated_now + seconds, lease_seconds = seconds
            WHERE job_id = chosen.job_id;
        SELECT max(finish) INTO started_at FROM escriba.client_turns WHERE client IN ('*', chosen.client);
        started_at := coalesce(started_at, 0);
        -- Patterns, since text in the document may hold what jsonb refuses; none of it has a quoted name.
        size_bytes := CASE WHEN strpos(chosen.document, '"startedAt":') > 0 THEN 0 ELSE
            coalesce(substring(chosen.document FROM '"sizeBytes":([0-9]+)')::float8, unknown_cost) END;
        INSERT INTO escriba.client_turns
            VALUES ('*', started_at), (chosen.client, started_at + base_cost + size_bytes)
            ON CONFLICT (client) DO UPDATE SET finish = excluded.finish;
        DELETE FROM escriba.client_turns WHERE finish <= started_at AND client <> '*';
        DELETE FROM escriba.turns WHERE turns.at < stated_now - 3600;
        INSERT INTO escriba.turns AS turn
            VALUES (chosen.client || ' ' || chosen.user_id, extract(epoch FROM clock_timestamp()))
            ON CONFLICT (user_id) DO UPDATE SET at = greatest(turn.at, excluded.at);
        claimed := chosen.job_id;
    END IF;
    RETURN NEXT;
END
$$
"""
