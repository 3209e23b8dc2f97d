"""Transcripts as files: POST /transcribe with a format, on both targets, and GET /job/{id}/transcript."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import srt  # type: ignore[import-untyped]
import webvtt

from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.models import Audio, Job, Options, Segment, Transcript, Word
from tests.endpoints.targets import Targets
from tests.job_service import JobService
from tests.media import Media
from tests.new_jobs import queued_job
from tests.replies import transcription
from tests.upstream import Upstream

TEXT = "Buenos días a todas las personas que escuchan. Hoy hablamos de <subtítulos> & su forma --> larga."
NAME = "reunión «año» 2026.mp3"

TYPES = {
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "ttml": "application/ttml+xml; charset=utf-8",
    "ass": "text/x-ssa; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}


def cues_of(text: str, format_: str) -> list[str]:
    """The text of each cue, as other programs read it."""
    if format_ == "srt":
        return [cue.content for cue in srt.parse(text)]
    return [html.unescape(caption.text) for caption in webvtt.from_string(text).captions]


# ── POST /transcribe ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def post(targets: Targets, media: Media, upstream: Upstream) -> Any:
    def send(*, name: str = NAME, **fields: Any) -> Any:
        upstream.script.extend([transcription(TEXT, language="Spanish")] * 2)
        files = {"file": (name, media("cbr.mp3").read_bytes())}
        return targets("POST", "/transcribe", files=files, data=fields)

    return send


@pytest.mark.parametrize("format_", sorted(TYPES))
def test_each_format_is_a_file_named_after_the_recording(format_: str, post: Any) -> None:
    answer = post(format=format_)
    assert answer.status == 200
    assert answer.headers["content-type"] == TYPES[format_]
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert f"reuni%C3%B3n%20%C2%ABa%C3%B1o%C2%BB%202026.{format_}" in answer.headers["content-disposition"]
    assert "Buenos días" in answer.body.decode()


def test_the_default_format_is_json(post: Any) -> None:
    assert post(format="json").json()["segments"] == post().json()["segments"]


def test_cues_keep_to_the_requested_bounds_and_begin_at_words(post: Any, upstream: Upstream) -> None:
    for format_ in ("srt", "vtt"):
        cues = cues_of(post(format=format_, lineLength=20, linesPerCue=1).body.decode(), format_)
        assert " ".join(cues).split() == TEXT.replace("-->", "-- >" if format_ == "srt" else "-->").split()
        assert all(len(line) <= 20 and "\n" not in line for line in cues)
    granularities = [seen.form.values("timestamp_granularities[]") for seen in upstream.requests]
    assert granularities == [["segment", "word"]] * 4


def test_vtt_has_word_times_where_they_are_requested(post: Any) -> None:
    text = post(format="vtt", wordTimes="true").body.decode()
    assert "Buenos <00:00:00." in text
    assert "<00:" not in post(format="vtt").body.decode()


def test_a_translation_is_requested_without_word_times(post: Any, upstream: Upstream) -> None:
    assert post(format="srt", task="translate").status == 200
    assert all("timestamp_granularities[]" not in dict(seen.form.fields) for seen in upstream.requests)


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "docx"},
        {"lineLength": "9"},
        {"lineLength": "4.5"},
        {"linesPerCue": "0"},
        {"maxCueSeconds": "nan"},
        {"readingSpeed": "fast"},
        {"format": ["srt", "vtt"]},
    ],
)
def test_an_invalid_layout_is_refused(fields: dict[str, Any], targets: Targets) -> None:
    answer = targets("POST", "/transcribe", files={"file": ("a.mp3", b"x")}, data=fields)
    assert (answer.status, answer.code) == (422, "option_invalid")
    assert next(iter(fields)) in answer.json()["error"]["message"]


def test_a_hostile_file_name_cannot_break_the_header(post: Any) -> None:
    answer = post(name='../../etc/"passwd";\u202e.mp3', format="txt")
    assert answer.headers["content-disposition"].isascii()
    assert "/" not in answer.headers["content-disposition"].partition("filename*")[0]


# ── GET /job/{id}/transcript ──────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    with JobService(tmp_path_factory.mktemp("files")) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: JobService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=40) as made:
        yield made


async def _completed(service: JobService, *, options: Options | None = None) -> Job:
    """A completed job whose recording has the name NAME."""
    services, now = service.services, service.now()
    audio = Audio(size_bytes=5, sha256="0" * 64, filename=NAME)
    job = queued_job(str(uuid4()), options=options or Options(), now=now, expires_at=now + 3600, audio=audio)
    await services.jobs.create(job, make_event(job))
    job = await commit_job(services, state.start(job, now=now))
    job = await commit_job(services, state.plan(job, pieces=1, done=1, now=now))
    job = await commit_job(services, state.merge(job, now=now), "progress")
    done = state.complete(job, language="es", now=now, expires_at=now + 3600)
    return await commit_job(services, done, result=_transcript())


def _transcript() -> Transcript:
    words = [Word(word=word, start=place / 2, end=(place + 1) / 2) for place, word in enumerate(TEXT.split())]
    segment = Segment(id=0, start=0.0, end=words[-1].end, text=f" {TEXT}")
    return Transcript(text=TEXT, duration=words[-1].end, segments=(segment,), words=tuple(words))


@pytest.mark.parametrize("format_", sorted(TYPES))
def test_a_completed_job_has_a_file_in_each_format(
    format_: str, service: JobService, client: httpx.Client
) -> None:
    job = service.call(_completed(service))
    answer = client.get(f"/job/{job.job_id}/transcript", params={"format": format_})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[format_]
    assert f"2026.{format_}" in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    assert "Buenos días" in answer.text


def test_json_has_the_words_only_if_the_job_requested_them(service: JobService, client: httpx.Client) -> None:
    plain = service.call(_completed(service))
    transcript = client.get(f"/job/{plain.job_id}/transcript").json()
    assert transcript["text"] == TEXT
    assert "words" not in transcript
    timed = service.call(_completed(service, options=Options(timestamps=("segment", "word"))))
    assert len(client.get(f"/job/{timed.job_id}/transcript").json()["words"]) == len(TEXT.split())


def test_the_cues_of_a_job_keep_to_the_requested_bounds(service: JobService, client: httpx.Client) -> None:
    job = service.call(_completed(service))
    query = "format=vtt&lineLength=16&linesPerCue=1&maxCueSeconds=2&readingSpeed=10"
    answer = client.get(f"/job/{job.job_id}/transcript?{query}")
    captions = webvtt.from_string(answer.text).captions
    assert all(len(html.unescape(caption.text)) <= 16 for caption in captions)
    assert all(caption.end_in_seconds - caption.start_in_seconds <= 2 for caption in captions)


def test_a_file_that_the_client_has_is_304_and_other_bounds_are_another_file(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(_completed(service))
    address = f"/job/{job.job_id}/transcript?format=srt"
    tag = client.get(address).headers["etag"]
    again = client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for other in ("&lineLength=30", "&linesPerCue=1", "&maxCueSeconds=3", "&readingSpeed=15"):
        assert client.get(address + other, headers={"If-None-Match": tag}).status_code == 200


def test_a_job_that_is_not_completed_has_no_transcript(service: JobService, client: httpx.Client) -> None:
    for make, status in ((service.create_queued, "queued"), (service.create_running, "processing")):
        job = service.call(make())
        answer = client.get(f"/job/{job.job_id}/transcript")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (409, "transcript_not_ready")
        assert status in error["message"]


def test_an_unknown_job_is_404_and_a_deleted_transcript_410(
    service: JobService, client: httpx.Client
) -> None:
    assert client.get(f"/job/{uuid4()}/transcript").json()["error"]["code"] == "job_not_found"
    assert client.get("/job/..%2f..%2fetc/transcript").status_code == 404
    job = service.call(_completed(service))
    client.delete(f"/job/{job.job_id}")
    answer = client.get(f"/job/{job.job_id}/transcript?format=srt")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "job_expired")


def test_an_invalid_bound_is_refused_before_the_job_is_read(client: httpx.Client) -> None:
    answer = client.get(f"/job/{uuid4()}/transcript?format=srt&lineLength=1000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "option_invalid")


def test_openapi_shows_formats_and_bounds_with_their_defaults(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    parameters = document["paths"]["/job/{job_id}/transcript"]["get"]["parameters"]
    defaults = {
        parameter["name"]: parameter["schema"].get("default")
        for parameter in parameters
        if parameter["in"] == "query"
    }
    assert defaults == {
        "format": "json",
        "lineLength": 42,
        "linesPerCue": 2,
        "maxCueSeconds": 7.0,
        "readingSpeed": 20.0,
        "wordTimes": False,
        "version": "corrected",
    }
