"""Of transcripts of one sound in several languages, each stretch comes from the one that is most certain."""

from __future__ import annotations

from common.models import Segment, Transcript, Word
from common.text.certainty import certainty, weave
from common.text.spoken_languages import languages_of


def transcript(language: str, *lines: tuple[float, float, str, float], words: bool = False) -> Transcript:
    segments = tuple(
        Segment(id=i, start=start, end=end, text=f" {text}", avg_logprob=logprob)
        for i, (start, end, text, logprob) in enumerate(lines)
    )
    spoken = tuple(Word(word=text, start=start, end=end) for start, end, text, _ in lines)
    text = " ".join(line[2] for line in lines)
    return Transcript(
        text=text, language=language, duration=60.0, segments=segments, words=spoken if words else None
    )


SPANISH = transcript(
    "es", (0, 20, "hola", -0.2), (20, 40, "adivinado", -0.9), (40, 60, "adiós", -0.2), words=True
)
ENGLISH = transcript(
    "en", (0, 19, "guessed", -0.8), (19, 41, "hello", -0.1), (41, 60, "guessed", -0.9), words=True
)


def test_each_stretch_comes_from_the_transcript_that_is_most_certain_there() -> None:
    woven = weave([SPANISH, ENGLISH])
    assert woven.text == "hola hello adiós"
    assert [segment.language for segment in woven.segments] == ["es", "en", "es"]
    assert [segment.id for segment in woven.segments] == [0, 1, 2]
    assert woven.words is not None
    assert [word.word for word in woven.words] == ["hola", "hello", "adiós"]
    assert (woven.language, languages_of(woven)) == ("es", ["es", "en"])


def test_the_order_of_the_languages_changes_nothing() -> None:
    assert weave([ENGLISH, SPANISH]).text == weave([SPANISH, ENGLISH]).text


def test_one_short_line_of_doubt_changes_no_language() -> None:
    spanish = transcript("es", (0, 30, "uno", -0.2), (30, 32, "dos", -0.9), (32, 60, "tres", -0.2))
    english = transcript("en", (0, 30, "one", -0.8), (30, 32, "two", -0.3), (32, 60, "three", -0.8))
    assert weave([spanish, english]).text == "uno dos tres"


def test_speech_that_only_one_transcript_has_is_kept() -> None:
    spanish = transcript("es", (0, 30, "hola", -0.2))
    english = transcript("en", (0, 30, "guessed", -0.9), (30, 60, "hello", -0.4))
    assert weave([spanish, english]).text == "hola hello"


def test_silence_stays_silence() -> None:
    woven = weave([transcript("es"), transcript("en")])
    assert (woven.text, woven.segments, woven.language) == ("", (), "es")


def test_certainty_is_the_mean_over_the_seconds_with_text() -> None:
    assert certainty(transcript("es", (0, 10, "a", -0.1), (10, 40, "b", -0.5))) == -0.4
    assert certainty(transcript("es")) == -float("inf")
