"""GET · PUT /job/{id}/transcript: who corrects a text, on both targets, and what everybody then reads."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from common.jobs import state
from common.jobs.commit import commit_job
from common.models import Job, Options, Segment, Transcript, Turn, Word
from tests.endpoints.targets import Targets
from tests.job_service import JobService
from tests.server import ROOT
from tests.upstream import Upstream

SPEECH = (ROOT / "tests" / "data" / "english-short.wav").read_bytes()
ANY = {"If-Match": "*"}


# ── on both targets ───────────────────────────────────────────────────────────────────────────────


def test_a_corrected_text_is_in_json_and_files_and_the_engines_stays(
    targets: Targets, upstream: Upstream
) -> None:
    job_id = str(uuid.uuid4())
    form: dict[str, Any] = {"data": {"jobId": job_id}, "files": {"file": ("voz.wav", SPEECH)}}
    pending = str(uuid.uuid4())
    assert targets("POST", "/transcribe-job", json={"jobId": pending}).status == 201
    early = targets("PUT", f"/job/{pending}/transcript", headers=ANY, json={"segments": []})
    assert (early.status, early.code) == (409, "transcript_not_ready")
    assert targets("POST", "/transcribe-job", **form).status == 202
    assert targets.finish(job_id) == "completed"
    before = targets("GET", f"/job/{job_id}/transcript").json()
    before["segments"][0]["text"] = "what was really said"
    answer = targets("PUT", f"/job/{job_id}/transcript", headers=ANY, json=before)
    assert (answer.status, answer.json()["status"], answer.json()["revision"]) == (200, "completed", 1)
    assert targets("GET", f"/job/{job_id}").json()["result"]["text"] == "what was really said"
    for format_ in ("json", "srt", "vtt", "tsv", "txt"):
        query = f"?format={format_}"
        assert b"what was really said" in targets("GET", f"/job/{job_id}/transcript{query}").body
        kept = targets("GET", f"/job/{job_id}/transcript{query}&version=engine").body
        assert before["text"].split()[0].encode() in kept
        assert b"really" not in kept
    targets("DELETE", f"/job/{job_id}")
    gone = targets("PUT", f"/job/{job_id}/transcript", compare=False, headers=ANY, json=before)
    assert (gone.status, gone.code) == (410, "job_expired")


def test_a_correction_that_is_wrong_is_refused_alike(targets: Targets) -> None:
    address = f"/job/{uuid.uuid4()}/transcript"
    assert targets("PUT", address, headers=ANY, json={"segments": []}).code == "job_not_found"
    assert targets("PUT", address, json={"segments": []}).code == "version_missing"
    assert targets("PUT", address, headers=ANY, json={}).code == "option_invalid"
    large = targets("PUT", address, headers=ANY, content=b" " * (4 * 1024 * 1024 + 1))
    assert (large.status, large.code) == (413, "transcript_too_large")
    assert targets("GET", f"{address}?version=mine").code == "option_invalid"


# ── versions ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobService]:
    with JobService(tmp_path_factory.mktemp("corrections")) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: JobService) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=40) as made:
        yield made


async def complete(service: JobService, wordless: tuple[Turn, ...] | None = None) -> Job:
    services = service.services
    job = await service.add_piece(await service.create_running(1), "Hola mundo")
    job = await commit_job(services, state.merge(job, now=service.now()), "progress")
    done = state.complete(job, language="es", now=service.now(), expires_at=service.now() + 60)
    words = (Word(word=" Hola", start=0.0, end=1.0), Word(word=" mundo", start=1.0, end=2.5))
    segment = Segment(id=0, start=0.0, end=2.5, text=" Hola mundo")
    text = Transcript(text="Hola mundo", duration=2.5, segments=(segment,), words=words, wordless=wordless)
    return await commit_job(services, done, result=text)


def body(text: str) -> dict[str, Any]:
    return {"segments": [{"start": 0.0, "end": 2.5, "text": text}]}


def put(client: httpx.Client, job: Job, text: str, if_match: str) -> httpx.Response:
    return client.put(f"/job/{job.job_id}/transcript", json=body(text), headers={"If-Match": if_match})


def test_who_sent_the_newest_correction_or_has_the_newest_job_needs_no_text(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(complete(service))
    address = f"/job/{job.job_id}/transcript"
    corrected = put(client, job, "Hola, Ana", f'"{job.seq}"').headers["etag"]

    def status(tag: str, query: str = "") -> int:
        return client.get(f"{address}{query}", headers={"If-None-Match": tag}).status_code

    assert status(corrected) == status(f'"{job.seq + 1}"') == 304
    of_srt = client.get(f"{address}?format=srt").headers["etag"]
    for other in (f'"{job.seq}"', f'"{job.seq + 2}"', of_srt, '"x"'):
        assert status(other) == 200, other
    for query in ("?format=srt", "?version=engine"):
        assert status(corrected, query) == 200, query
    assert status(of_srt, "?format=srt") == 304


def test_who_has_not_seen_the_newest_text_does_not_overwrite_it(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(complete(service))
    first = client.get(f"/job/{job.job_id}").headers["etag"]
    of_srt = client.get(f"/job/{job.job_id}/transcript?format=srt").headers["etag"]
    assert put(client, job, "Hola, Ana", first).status_code == 200
    for stale in (first, of_srt, f'"{job.seq}"', '"x"', "nonsense"):
        answer = put(client, job, "Hola, Eva", stale)
        assert (answer.status_code, answer.json()["error"]["code"]) == (412, "transcript_changed")
    newest = client.get(f"/job/{job.job_id}/transcript")
    assert newest.json()["text"] == "Hola, Ana"
    assert put(client, job, "Hola, Eva", f"{first}, {of_srt}").status_code == 412
    answer = put(client, job, "Hola, Eva", f"{first}, {newest.headers['etag']}")
    assert (answer.json()["seq"], answer.json()["revision"]) == (job.seq + 2, 2)
    assert put(client, job, "Hola, Luz", answer.headers["etag"]).status_code == 200
    kept = client.get(f"/job/{job.job_id}/transcript?version=engine").json()
    assert kept["text"] == "Hola mundo"


def test_a_correction_without_a_difference_changes_nothing(service: JobService, client: httpx.Client) -> None:
    job = service.call(complete(service))
    put(client, job, "Hola, Ana", "*")
    again = put(client, job, "Hola, Ana", "*")
    assert (again.status_code, again.json()["revision"]) == (200, 1)


def test_a_corrected_text_is_kept_from_its_last_correction_on(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(complete(service))
    put(client, job, "Hola, Ana", "*")
    assert service.call(service.services.jobs.get(job.job_id)).expires_at > job.expires_at + 3600


def test_who_watches_reads_the_corrected_text(service: JobService, client: httpx.Client) -> None:
    job = service.call(complete(service))
    put(client, job, "Hola, Ana", "*")
    events = client.get(f"/job/{job.job_id}/events").text
    assert "Hola, Ana" in events
    assert "mundo" not in events
    after = client.get(f"/job/{job.job_id}/events?after={job.seq}").text
    (event,) = [json.loads(line[6:]) for line in after.splitlines() if line.startswith("data:")]
    assert (event["type"], event["seq"], event["job"]["revision"]) == ("state", job.seq + 1, 1)


def test_of_many_corrections_at_once_none_is_lost(service: JobService, client: httpx.Client) -> None:
    job = service.call(complete(service))

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(base_url=service.url, timeout=40) as several:
            answers = await asyncio.gather(
                *(
                    several.put(f"/job/{job.job_id}/transcript", json=body(f"Hola {i}"), headers=ANY)
                    for i in range(6)
                )
            )
        return sorted(answer.json()["revision"] for answer in answers)

    assert asyncio.run(all_at_once()) == [1, 2, 3, 4, 5, 6]


def test_a_text_that_was_corrected_is_erased_with_its_original(
    service: JobService, client: httpx.Client
) -> None:
    job = service.call(complete(service))
    put(client, job, "Hola, Ana", "*")
    client.delete(f"/job/{job.job_id}")
    jobs = service.services.jobs
    assert service.call(jobs.result(job.job_id)) is None
    assert service.call(jobs.result(job.job_id, original=True)) is None


def test_words_have_times_where_the_job_asked_for_them(service: JobService, client: httpx.Client) -> None:
    async def with_words() -> Job:
        job = await complete(service)
        stored = await service.services.jobs.get(job.job_id)
        timed = stored.model_copy(update={"options": Options(timestamps=("word",)), "seq": stored.seq + 1})
        return await commit_job(service.services, timed)

    job = service.call(with_words())
    put(client, job, "Hola gran mundo", "*")
    words = client.get(f"/job/{job.job_id}/transcript").json()["words"]
    assert [word["word"] for word in words] == ["Hola", "gran", "mundo"]
    times = [time for word in words for time in (word["start"], word["end"])]
    assert times == sorted(times)


# ── names of speakers ─────────────────────────────────────────────────────────────────────────────


def put_names(client: httpx.Client, job: Job, names: Any, if_match: str = "*") -> httpx.Response:
    return client.put(f"/job/{job.job_id}/speakers", json=names, headers={"If-Match": if_match})


@pytest.fixture
def conversation(service: JobService, client: httpx.Client) -> Job:
    job = service.call(complete(service))
    said = (("A", 0.0, 1.0, "Hola."), ("B", 1.0, 2.0, "Buenas."), ("C", 2.0, 2.5, "Adiós."))
    segments = [{"speaker": who, "start": a, "end": b, "text": text} for who, a, b, text in said]
    answer = client.put(f"/job/{job.job_id}/transcript", json={"segments": segments}, headers=ANY)
    assert answer.status_code == 200, answer.text
    return job


def test_speakers_are_named_and_merged_in_every_answer(client: httpx.Client, conversation: Job) -> None:
    before = client.get(f"/job/{conversation.job_id}").headers["etag"]
    assert (
        put_names(client, conversation, {"A": "Ana", "B": " Blas ", "C": "Blas"}, before).status_code == 200
    )
    view = client.get(f"/job/{conversation.job_id}").json()["result"]
    assert view["speakers"] == {"A": "Ana", "B": "Blas", "C": "Blas"}
    assert [each["text"] for each in view["utterances"]] == ["Hola.", "Buenas. Adiós."]
    text = client.get(f"/job/{conversation.job_id}/transcript?format=txt").text
    assert text == "Ana: Hola.\nBlas: Buenas. Adiós.\n"
    assert view["turns"] == [
        {"speaker": "A", "start": 0.0, "end": 1.0},
        {"speaker": "B", "start": 1.0, "end": 2.5},
    ]
    rttm = client.get(f"/job/{conversation.job_id}/transcript?format=rttm").text
    assert [line.split()[7] for line in rttm.splitlines()] == ["Ana", "Blas"]
    assert "<v Ana>Hola." in client.get(f"/job/{conversation.job_id}/transcript?format=vtt").text
    assert put_names(client, conversation, {"A": "Eva"}, before).status_code == 412
    assert put_names(client, conversation, {"A": "Eva", "B": None}).status_code == 200
    assert client.get(f"/job/{conversation.job_id}").json()["result"]["speakers"] == {
        "A": "Eva",
        "B": "B",
        "C": "C",
    }


def test_a_correction_keeps_the_names_and_may_give_a_paragraph_to_another(
    client: httpx.Client, conversation: Job
) -> None:
    put_names(client, conversation, {"A": "Ana"})
    segments = [
        {"start": 0.0, "end": 1.0, "text": "¡Hola!"},
        {"start": 1.0, "end": 2.0, "text": "b", "speaker": "A"},
    ]
    client.put(f"/job/{conversation.job_id}/transcript", json={"segments": segments}, headers=ANY)
    text = client.get(f"/job/{conversation.job_id}/transcript?format=txt").text
    assert text == "Ana: ¡Hola! b\n"


def test_a_speaker_who_says_no_word_keeps_the_name(service: JobService, client: httpx.Client) -> None:
    job = service.call(complete(service, (Turn(speaker="C", start=2.2, end=2.5),)))
    assert put_names(client, job, {"C": "Carla"}).status_code == 200
    segments = [{"start": 0.0, "end": 2.5, "text": "Hola, mundo", "speaker": "A"}]
    answer = client.put(f"/job/{job.job_id}/transcript", json={"segments": segments}, headers=ANY)
    names = {"A": "Ana", "C": "Carla"}
    assert put_names(client, job, names, answer.headers["etag"]).status_code == 200
    assert client.get(f"/job/{job.job_id}").json()["result"]["speakers"] == names
    text = client.get(f"/job/{job.job_id}/transcript").json()
    assert (text["speakers"], [turn["speaker"] for turn in text["turns"]]) == (names, ["A", "C"])
    rttm = client.get(f"/job/{job.job_id}/transcript?format=rttm").text
    assert [line.split()[7] for line in rttm.splitlines()] == ["Ana", "Carla"]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ({"Z": "Zoe"}, "speaker_unknown"),
        ({"A": 1}, "option_invalid"),
        ({"A": "x" * 81}, "option_invalid"),
        ([], "body_malformed"),
    ],
    ids=["label", "number", "long", "list"],
)
def test_names_that_cannot_be_given_are_refused(
    client: httpx.Client, conversation: Job, names: Any, code: str
) -> None:
    assert put_names(client, conversation, names).json()["error"]["code"] == code


def test_a_job_without_speakers_names_none(service: JobService, client: httpx.Client) -> None:
    job = service.call(complete(service))
    answer = client.put(
        f"/job/{job.job_id}/speakers", json={"A": "Ana"}, headers={**ANY, "Accept-Language": "es"}
    )
    assert answer.json()["error"]["hint"] == "Los que hablan son: ninguno."
    assert client.put(f"/job/{job.job_id}/speakers", json={"A": "Ana"}).status_code == 428
