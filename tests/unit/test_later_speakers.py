"""A task that gives a completed job its speakers: how it ends, is tried again, and leaves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.cache_port import CacheKey
from common.errors import SpeakersFailed
from common.jobs.actions import discard, stop
from common.local.sqlite.cache import SqliteCache
from common.models import Transcript
from common.speaker_tasks_port import SpeakerTask
from common.speakers.records import CHUNK, RECORD_BYTES, VOICE
from tests.speaker_listening import (
    LABELLED,
    TEXT,
    Listening,
    codes,
    hang,
    once,
    raising,
    said,
    serve,
    stand_in_for_the_child,
    text_of,
)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return stand_in_for_the_child(monkeypatch)


async def test_the_speakers_are_the_next_snapshot_and_nothing_else_is_left(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        before = await server.job()
        await server.run()
        job, text = await server.job(), await server.text()
        # One commit is of its progress.
        assert (job.status, job.seq, job.speakers_progress) == ("completed", before.seq + 2, None)
        assert (said(text), codes(text)) == (LABELLED, [])
        assert [word.speaker for word in text.words or ()] == ["A", "A", "B", "B"]
        assert listening.assigned == [b"voices"]
        assert await server.kept_for_equal_recordings() == text
        await server.assert_nothing_is_left()


async def test_while_voices_are_heard_and_grouped_nobody_waits_for_a_text(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        active, counts = server.services.active, list[int]()

        async def note() -> None:
            counts.append(active.listening)

        listening.at_embed = listening.at_assign = note
        await server.run()
        assert (counts, active.listening) == ([1, 1], 0)


async def test_words_corrected_meanwhile_get_the_speakers_and_are_kept_for_nobody_else(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        after = text_of("Hola", "Eva.", "Muy", "buenas", "tardes.")
        # After the words were sent to be grouped: what was read then is stale.
        listening.at_assign = once(lambda: server.correct(after))
        await server.run()
        text = await server.text()
        assert said(text) == [("A", "Hola Eva."), ("B", "Muy buenas tardes.")]
        assert listening.assigned == [b"voices", b"voices"]
        assert listening.embedded == 1
        assert await server.kept_for_equal_recordings() is None
        await server.assert_nothing_is_left()


async def test_a_text_whose_words_were_all_taken_away_meanwhile_stays_as_it_is(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        empty = Transcript(text="", duration=TEXT.duration)
        listening.at_embed = lambda: server.correct(empty)
        await server.run()
        assert (await server.text(), listening.assigned) == (empty, [])
        await server.assert_nothing_is_left()


@pytest.mark.parametrize("is_found", [True, False], ids=["found", "not found"])
async def test_speakers_that_a_person_named_meanwhile_stay_as_they_are(
    tmp_path: Path, listening: Listening, is_found: bool
) -> None:
    async with serve(tmp_path, max_attempts=1) as server:
        segments = (TEXT.segments[0].model_copy(update={"speaker": "Z"}),)
        named = TEXT.model_copy(update={"segments": segments})

        async def name() -> None:
            await server.correct(named)
            if not is_found:
                raise SpeakersFailed

        listening.at_embed = name
        await server.run()
        assert await server.text() == named
        assert listening.assigned == []
        await server.assert_nothing_is_left()


@pytest.mark.parametrize("mark", [VOICE, CHUNK, b"old "], ids=["a voice first", "a chunk first", "old"])
async def test_a_stretch_that_an_earlier_run_kept_is_not_listened_to_again(
    tmp_path: Path, listening: Listening, mark: bytes
) -> None:
    """Unless another release kept it."""
    earlier = mark.ljust(RECORD_BYTES, b"\0")
    async with serve(tmp_path) as server:
        assert await server.claim("before")
        await server.tasks.keep(server.job_id, 0, earlier, holder="before")
        await server.tasks.release_all(["before"])
        await server.run()
        expected = (1, [b"voices"]) if mark == b"old " else (0, [earlier])
        assert (listening.embedded, listening.assigned) == expected
        assert said(await server.text()) == LABELLED
        await server.assert_nothing_is_left()


FAILURES = {"failed": raising(SpeakersFailed()), "bug": raising(ZeroDivisionError()), "slow": hang}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_a_listening_that_fails_is_tried_again_later_and_at_last_is_a_warning(
    tmp_path: Path, listening: Listening, failure: Callable[[], Awaitable[None]]
) -> None:
    async with serve(tmp_path, speakers_timeout=1.0) as server:
        listening.at_embed = failure
        await server.run()
        job = await server.job()
        assert (job.speakers_progress, await server.text()) == (0.0, TEXT)
        assert await server.services.audio.has(server.job_id)
        assert await server.claim() is None  # a delay of 1 to 3 seconds
        server.now += 3
        await server.run()
        job, text = await server.job(), await server.text()
        assert (job.status, job.speakers_progress, codes(text)) == ("completed", None, ["speakers_failed"])
        assert text.model_copy(update={"warnings": ()}) == TEXT
        await server.assert_nothing_is_left()


async def test_after_a_failure_the_next_try_may_find_them(tmp_path: Path, listening: Listening) -> None:
    async with serve(tmp_path) as server:
        listening.at_embed = once(raising(SpeakersFailed()))
        await server.run()
        server.now += 3
        await server.run()
        text = await server.text()
        assert (said(text), codes(text)) == (LABELLED, [])


async def test_a_try_that_got_further_is_the_first_again(tmp_path: Path, listening: Listening) -> None:
    async with serve(tmp_path) as server:
        listening.at_embed = once(raising(SpeakersFailed()))
        listening.at_assign = once(raising(SpeakersFailed()))
        for _ in range(2):
            await server.run()
            server.now += 3
        assert (await server.job()).speakers_progress is not None
        assert await server.claim() == SpeakerTask(server.job_id, attempts=2)


async def test_a_task_in_whose_runs_the_process_always_died_is_not_run_again(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        for _ in range(2):
            assert await server.claim()
            await server.tasks.release_all(["me"])
        await server.run()
        assert codes(await server.text()) == ["speakers_failed"]
        assert listening.embedded == 0
        await server.assert_nothing_is_left()


async def test_a_server_that_can_tell_nobody_apart_any_more_says_so_at_once(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path, speakers=False) as server:
        await server.run()
        assert codes(await server.text()) == ["speakers_failed"]
        assert listening.embedded == 0
        await server.assert_nothing_is_left()


@pytest.mark.parametrize("moment", ["at_embed", "at_assign"])
@pytest.mark.parametrize("is_removed", [False, True], ids=["deleted", "removed"])
async def test_a_job_deleted_midway_leaves_nothing(
    tmp_path: Path, listening: Listening, moment: str, is_removed: bool
) -> None:
    async with serve(tmp_path) as server:

        async def delete() -> None:  # as in another process: nothing cancels this run
            await discard(server.services, server.job_id)
            if is_removed:
                await server.services.jobs.remove(server.job_id)

        setattr(listening, moment, delete)
        await server.run()
        assert await server.services.jobs.result(server.job_id) is None
        assert await server.kept_for_equal_recordings() is None
        assert await server.claim() is None
        await server.assert_nothing_is_left()


async def test_a_job_deleted_as_its_text_is_kept_for_equal_recordings_leaves_nothing(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        cache = server.services.cache

        class Cache(SqliteCache):
            async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
                await discard(server.services, server.job_id)
                await super().put(key, transcript, expires_at=expires_at)

        assert isinstance(cache, SqliteCache)
        server.services = replace(server.services, cache=Cache(cache._database, budget_bytes=10**6))
        await server.run()
        assert await server.kept_for_equal_recordings() is None
        await server.assert_nothing_is_left()


async def test_speakers_that_nobody_wants_any_more_are_not_added(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        listening.at_assign = lambda: stop(server.services, server.job_id)
        await server.run()
        assert await server.text() == TEXT
        await server.assert_nothing_is_left()
