"""The quota of a piece: reserved before it is cut, refunded unless the engine may have charged for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import PreparedAudio
from common.audio.split import Cut, plan_cuts
from common.errors import AudioTruncated, AudioUnreadable, Busy, EngineBroken, RetryLater
from common.groq.client import Groq
from common.models import Options, Piece
from common.quota import Quota
from common.services import Services
from common.transcription.pipeline import PreparedRecording, transcribe_pieces
from tests.job_service import JobService
from tests.media import Media
from tests.replies import Reply, broken, not_media
from tests.serving import wait_until
from tests.upstream import Upstream

T = TypeVar("T")

BILLED = 10.0  # seconds that the quota counts for a recording of four


@dataclass
class MemoryQuota:
    """A quota store in memory, with a clock that a test moves."""

    quota: Quota = field(default_factory=Quota)
    now: float = 1_000_000.0

    async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
        self.quota, answer = decide(self.quota)
        return answer

    async def read(self) -> Quota:
        return self.quota

    @property
    def audio(self) -> float:
        """Seconds of audio that are taken from the hour's bucket."""
        return self.quota.audio_per_hour.used


@pytest.fixture
def service(tmp_path: Path) -> Iterator[JobService]:
    with JobService(tmp_path / "data") as running:
        yield running


def transcribe(
    services: Services, account: MemoryQuota, path: Path, folder: Path, cuts: tuple[Cut, ...] | None = None
) -> asyncio.Task[list[Piece]]:
    async def keep(_: Piece) -> None:
        return None

    prepared = PreparedAudio(path, "mp3", 4.0, path.stat().st_size, "as_is")
    recording = PreparedRecording(prepared, cuts or plan_cuts(prepared))
    services = replace(services, quota=account, now=lambda: account.now)
    return asyncio.create_task(
        transcribe_pieces(services, recording, Options(language="es"), folder, kept={}, keep=keep)
    )


WITHOUT_SOUND = (Cut(1, start=500.0, length=500.0, method="copy"),)
FIRST_HALF = (Cut(0, start=0.0, length=2.0, method="copy"),)


def ffmpeg_that(command: str, folder: Path) -> Ffmpeg:
    script = folder / "ffmpeg"
    script.write_text(f"#!/bin/sh\n{command}\n")
    script.chmod(0o700)
    return Ffmpeg(binary=script)


async def cancel_when(is_due: Callable[[], bool], running: asyncio.Task[list[Piece]]) -> None:
    await asyncio.to_thread(wait_until, is_due)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_cancel_while_a_piece_is_cut_refunds_it(service: JobService, tmp_path: Path, media: Media) -> None:
    account = MemoryQuota()

    async def scenario() -> None:
        services = replace(service.services, ffmpeg=ffmpeg_that("exec /bin/sleep 60", tmp_path))
        running = transcribe(services, account, media("opus.ogg"), tmp_path, FIRST_HALF)
        await cancel_when(lambda: account.audio > 0, running)

    service.call(scenario())
    assert account.audio == account.quota.requests_per_day.used == 0


def test_a_cancel_while_the_store_still_answers_the_reservation_refunds_it(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    class LateAnswer(MemoryQuota):
        async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
            answer = await super().change(decide)
            await asyncio.sleep(0.2)
            return answer

    account = LateAnswer()

    async def scenario() -> None:
        running = transcribe(service.services, account, media("cbr.mp3"), tmp_path)
        await cancel_when(lambda: account.audio > 0, running)

    service.call(scenario())
    assert account.audio == 0


def test_a_cancel_while_the_engine_has_the_piece_refunds_nothing(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()

    async def scenario(upstream: Upstream) -> None:
        services = replace(service.services, engine=engine(upstream))
        running = transcribe(services, account, media("cbr.mp3"), tmp_path)
        await cancel_when(lambda: bool(upstream.requests), running)

    with Upstream(default=Reply(hang=True)) as upstream:
        service.call(scenario(upstream))
    assert account.audio == BILLED


def test_a_piece_without_sound_where_it_should_be_is_refunded(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()

    async def scenario() -> None:
        with pytest.raises(AudioTruncated):
            await transcribe(service.services, account, media("cbr.mp3"), tmp_path, WITHOUT_SOUND)

    service.call(scenario())
    assert account.audio == 0


def test_a_piece_whose_cutting_a_shutdown_ends_is_refunded(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()

    async def scenario() -> None:
        services = replace(service.services, ffmpeg=ffmpeg_that("kill -TERM $$", tmp_path))
        with pytest.raises(RetryLater):
            await transcribe(services, account, media("opus.ogg"), tmp_path, FIRST_HALF)

    service.call(scenario())
    assert account.audio == 0


def test_a_piece_that_our_own_mistake_kept_from_being_cut_is_refunded(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()

    async def scenario() -> None:
        with pytest.raises(FileNotFoundError):
            await transcribe(service.services, account, media("cbr.mp3"), tmp_path / "missing", FIRST_HALF)

    service.call(scenario())
    assert account.audio == 0


def test_a_piece_whose_file_cannot_be_read_is_refunded(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()
    path = tmp_path / "removed.mp3"
    path.write_bytes(media("cbr.mp3").read_bytes())

    async def scenario() -> None:
        running = transcribe(service.services, account, path, tmp_path)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            await running

    service.call(scenario())
    assert account.audio == 0


def test_a_refund_long_after_the_reservation_gives_nothing_of_other_reservations_back(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    class AnHourPasses(MemoryQuota):
        """While the piece is cut, an hour passes and another job reserves quota."""

        async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
            answer = await super().change(decide)
            if self.now == 1_000_000.0:
                self.now += 3600
                self.quota, _ = self.quota.take(self.now, 1000)
            return answer

    account = AnHourPasses()

    async def scenario() -> None:
        with pytest.raises(AudioTruncated):
            await transcribe(service.services, account, media("cbr.mp3"), tmp_path, WITHOUT_SOUND)

    service.call(scenario())
    assert account.audio == 1000
    assert account.quota.requests_per_minute.used == 1


@pytest.mark.parametrize(
    ("reply", "error", "charged"), [(broken(), EngineBroken, 0.0), (not_media(), AudioUnreadable, BILLED)]
)
def test_the_engines_own_failure_is_refunded_and_its_refusal_is_not(
    service: JobService, tmp_path: Path, media: Media, reply: Reply, error: type[Exception], charged: float
) -> None:
    account = MemoryQuota()

    async def scenario(upstream: Upstream) -> None:
        services = replace(service.services, engine=engine(upstream))
        with pytest.raises(error):
            await transcribe(services, account, media("cbr.mp3"), tmp_path)

    with Upstream(default=reply) as upstream:
        service.call(scenario(upstream))
    assert account.audio == charged


def test_where_the_quota_is_spent_nothing_is_refunded(
    service: JobService, tmp_path: Path, media: Media
) -> None:
    account = MemoryQuota()
    account.quota, _ = account.quota.take(account.now, 7195)

    async def scenario() -> None:
        with pytest.raises(RetryLater):
            await transcribe(service.services, account, media("cbr.mp3"), tmp_path)

    service.call(scenario())
    assert account.audio == 7195


def test_a_store_that_cannot_refund_does_not_hide_the_cancel(
    service: JobService, tmp_path: Path, media: Media, caplog: pytest.LogCaptureFixture
) -> None:
    class LockedAfterOne(MemoryQuota):
        async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
            if self.audio:
                raise Busy(retry_after=1)
            return await super().change(decide)

    account = LockedAfterOne()

    async def scenario() -> None:
        services = replace(service.services, ffmpeg=ffmpeg_that("exec /bin/sleep 60", tmp_path))
        running = transcribe(services, account, media("opus.ogg"), tmp_path, FIRST_HALF)
        await cancel_when(lambda: account.audio > 0, running)

    service.call(scenario())
    assert [record.msg for record in caplog.records] == ["quota.refund_failed"]


def engine(upstream: Upstream) -> Groq:
    return Groq(base_url=upstream.url, api_key=None, model="whisper-large-v3-turbo", max_attempts=1)
