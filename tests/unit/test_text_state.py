"""The text of a completed job: which one a correction was made of, and speakers that come after it."""

from __future__ import annotations

import pytest

from common.delivery import rules
from common.jobs import state, text_state
from common.jobs.transition import IllegalTransition
from common.jobs.view import job_view
from common.models import Job, Segment, Transcript, Word
from common.ports import Target
from common.settings import Settings
from common.speakers.relabel import keep_speakers
from common.text.correction import CorrectedSegment, correct
from tests.contract.sample_jobs import NOW, WEEK, sample_job


def completed() -> Job:
    started = state.start(sample_job(), now=NOW)
    return text_state.expect_speakers(state.complete(started, language="es", now=NOW, expires_at=NOW + WEEK))


def test_a_job_is_final_once_its_speakers_have_come() -> None:
    job = completed()
    assert job.has_ended
    assert not text_state.is_final(job)
    assert job_view(job, language="en")["speakers"] == {"state": "pending", "progress": 0.0}
    job = text_state.report_listening(job, share=0.4567, now=NOW)
    job = text_state.report_listening(job, share=0.2, now=NOW)
    assert job_view(job, language="en")["speakers"]["progress"] == 45.7
    for ended in (text_state.end_listening(job, now=NOW), text_state.drop_speakers(job, now=NOW)):
        assert text_state.is_final(ended)
        assert "speakers" not in job_view(ended, language="en")
        with pytest.raises(IllegalTransition):
            text_state.end_listening(ended, now=NOW)


def test_a_correction_names_the_text_and_not_how_far_the_speakers_are() -> None:
    first = completed()
    later = text_state.report_listening(
        text_state.report_listening(first, share=0.3, now=NOW), share=1, now=NOW
    )
    assert text_state.made_of(later, {first.seq}) == "text"
    assert text_state.made_of(later, {later.seq}) == "text"
    assert text_state.made_of(later, {first.seq - 1, later.seq + 1}) is None
    labelled = text_state.end_listening(later, now=NOW)
    assert [text_state.made_of(labelled, {seq}) for seq in range(first.seq - 1, labelled.seq + 2)] == [
        None,
        *["unlabelled"] * (labelled.seq - first.seq),
        "text",
        None,
    ]
    corrected = text_state.correct(labelled, now=NOW, expires_at=NOW)
    assert text_state.made_of(corrected, {labelled.seq}) is None
    assert text_state.made_of(corrected, {first.seq}) is None
    again = text_state.correct(labelled, now=NOW, expires_at=NOW, of="unlabelled")
    assert text_state.made_of(again, {again.seq}) == "unlabelled"  # its sender has not read the speakers yet
    assert text_state.made_of(again, {labelled.seq}) is None


def test_a_correction_meanwhile_is_another_text() -> None:
    first = text_state.report_listening(completed(), share=0.3, now=NOW)
    corrected = text_state.correct(first, now=NOW, expires_at=NOW)
    assert text_state.made_of(corrected, {first.seq}) is None
    labelled = text_state.end_listening(text_state.report_listening(corrected, share=1, now=NOW), now=NOW)
    assert text_state.made_of(labelled, {corrected.seq}) == "unlabelled"
    assert text_state.made_of(labelled, {first.seq}) is None


@pytest.mark.parametrize("target", ["convex", "callback"])
def test_a_target_wants_the_text_and_its_speakers_and_not_how_far_they_are(target: Target) -> None:
    job = completed()
    first = rules.confirm(rules.create(job, target), job.seq, NOW)
    report = text_state.report_listening(job, share=0.5, now=NOW)
    assert rules.commit(first, report) == first
    labelled = text_state.end_listening(report, now=NOW + 1)
    wanted = rules.commit(first, labelled)
    assert wanted.wanted_seq == labelled.seq
    assert rules.is_due(wanted, NOW + 1)


def talk(*turns: tuple[str | None, float, str]) -> Transcript:
    """Words of half a second each."""
    segments = tuple(
        Segment(id=i, start=start, end=start + 0.5 * len(text.split()), text=f" {text}", speaker=speaker)
        for i, (speaker, start, text) in enumerate(turns)
    )
    words = tuple(
        Word(word=word, start=each.start + 0.5 * n, end=each.start + 0.5 * (n + 1), speaker=each.speaker)
        for each in segments
        for n, word in enumerate(each.text.split())
    )
    text = " ".join(text for _, _, text in turns)
    return Transcript(text=text, duration=60, segments=segments, words=words, speakers={"B": "Blas"})


def test_a_correction_of_the_text_without_speakers_keeps_them_word_by_word() -> None:
    labelled = talk(("A", 0, "hola qué tal"), ("B", 1.5, "muy bien gracias"), ("A", 10, "me alegro"))
    change = [
        CorrectedSegment(0, 3, "Hola, ¿qué tal? Muy bien, gracias."),
        CorrectedSegment(10, 11, "Me alegro."),
    ]
    kept = keep_speakers(lambda text: correct(text, change), labelled)
    assert [(each.speaker, each.text.strip()) for each in kept.segments] == [
        ("A", "Hola, ¿qué tal?"),
        ("B", "Muy bien, gracias."),
        ("A", "Me alegro."),
    ]
    assert [word.speaker for word in kept.words or ()] == list("AAABBBAA")
    assert kept.speakers == {"B": "Blas"}


def test_labels_stay_when_the_first_speaker_s_words_are_taken_out() -> None:
    labelled = talk(("A", 0, "eh"), ("B", 1.5, "muy bien gracias"))
    kept = keep_speakers(lambda text: correct(text, [CorrectedSegment(1.5, 3, "Muy bien.")]), labelled)
    assert [each.speaker for each in kept.segments] == ["B"]


def test_speakers_that_a_correction_names_have_the_last_word() -> None:
    labelled = talk(("A", 0, "hola"), ("B", 1.5, "muy bien"))
    change = [CorrectedSegment(0, 3, "hola muy bien", speaker="Z")]
    kept = keep_speakers(lambda text: correct(text, change), labelled)
    assert [each.speaker for each in kept.segments] == ["Z"]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({}, 7200),
        ({"speakers_timeout": 60}, 60),
        ({"speakers_later": True}, 0),
        ({"speakers_later": True, "speakers_wait": 30}, 30),
        ({"speakers_wait": 30}, 30),
        ({"speakers_wait": 90, "speakers_timeout": 60}, 60),
    ],
    ids=str,
)
def test_how_long_a_text_waits_for_its_speakers(values: dict[str, float], seconds: float) -> None:
    assert Settings(**values).longest_speakers_wait == seconds
