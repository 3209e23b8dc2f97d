"""Speech that has no words: where the segmentation hears it, and who speaks it."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest

from common.speakers.chunks import Chunks, chunk_starts, find_speech, hear_chunks, join_chunks
from common.speakers.features import RATE, Floats
from common.speakers.packing import pack, pack_chunks, unpack, unpack_chunks
from common.speakers.process import embed
from common.speakers.records import RECORD_BYTES, SIZE, is_current
from common.speakers.segmentation import FRAME, Segmentation
from common.speakers.speech import between_words
from common.speakers.stretch import Stretch, stretch_of
from common.speakers.weights import SEGMENTATION
from common.speakers.windows import Span
from common.speakers.wordless import assign_turns
from tests.chunks import chunks_of
from tests.conversation import decode
from tests.recordings import ENGLISH_SHORT


def hear(sound: bytes, *, at: float = 0.0, start: float = 0.0) -> Chunks:
    """From the second `start` to the end of a sound that begins at `at`."""
    end = at + len(sound) / 2 / RATE
    segmentation = Segmentation(SEGMENTATION.read())
    return join_chunks(
        [*hear_chunks(io.BytesIO(sound), segmentation, chunk_starts(start, end), at=at, end=end)]
    )


def test_speech_is_found_where_somebody_speaks_and_nowhere_else() -> None:
    speech, quiet = decode(ENGLISH_SHORT.path), bytes(4 * RATE)  # two seconds
    noise = np.random.default_rng(1).normal(size=2 * RATE) * 200
    found = find_speech(hear(quiet + speech + quiet + noise.astype("<i2").tobytes() + speech))
    length = len(speech) / 2 / RATE
    spoken = [(2.0, 2 + length), (6 + length, 6 + 2 * length)]
    for start, end in found:
        assert any(start > first - 0.3 and end < last + 0.3 for first, last in spoken)
    heard = sum(end - start for start, end in found)
    assert heard > 0.75 * 2 * length


def test_chunks_are_on_the_recording_s_clock_and_hear_their_own_part_alone() -> None:
    speech = decode(ENGLISH_SHORT.path)
    moved = hear(bytes(2 * RATE) + speech, at=600.0, start=601.0)
    assert (*moved.starts, *moved.ends) == (601.0, 601.0 + len(speech) / 2 / RATE)
    assert (moved.active == hear(speech).active).all()


def test_pauses_within_speech_are_short_and_so_is_what_is_none() -> None:
    spoken = [(0.5, 2.0), (2.05, 3.0), (4.0, 4.1), (8.0, 10.0)]
    found = find_speech(chunks_of({0: spoken, 1: [(10.0, 11.0)]}, seconds=15.0))
    assert np.allclose(found, [(0.5, 3.0), (8.0, 11.0)], atol=2 * FRAME)


def test_what_words_leave_of_speech_is_a_stretch_of_its_own_unless_it_is_short() -> None:
    speech = [Span(0, 4), Span(10, 12), Span(20, 21)]
    words = [Span(1, 1.5), Span(1.6, 2), Span(3.8, 10.2), Span(11.8, 13)]
    assert between_words(speech, words) == [Span(0, 1), Span(2, 3.8), Span(10.2, 11.8), Span(20, 21)]
    assert between_words(speech, []) == speech
    assert between_words([], words) == []


def test_a_stretch_counts_its_own_part_on_the_recording_s_clock() -> None:
    words = [Span(i, i + 0.9) for i in range(20)] + [Span(30, 31)]
    stretch = Stretch.from_json(stretch_of(words, at=9.5, start=10.0, end=math.inf).to_json())
    assert stretch.words == [Span(0, 19.9), Span(30, 31)]
    assert all(start >= 10 for start, _ in stretch.windows([]))
    assert stretch.heard(32_000 * 60) == (10.0, 69.5)
    first = stretch_of(words, at=0.0, start=-math.inf, end=10.0)
    whole = stretch_of(words, at=0.0, start=-math.inf, end=math.inf)
    assert [*first.windows([]), *stretch.windows([])] == whole.windows([])
    assert first.heard(32_000 * 60) == (0.0, 10.0)


def voices_by_turns(count: int) -> list[tuple[Span, Floats]]:
    """Windows of two voices, by turns of twelve."""
    random = np.random.default_rng(5)
    middles = np.abs(random.normal(size=(2, SIZE)))
    made = middles[[i // 12 % 2 for i in range(count)]] + random.normal(size=(count, SIZE)) * 0.4
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return [(Span(i * 0.8, i * 0.8 + 1.6), voice.astype(np.float32)) for i, voice in enumerate(made)]


def test_who_speaks_when_is_kept_beside_embeddings() -> None:
    voices = voices_by_turns(3)
    heard = chunks_of({0: [(1.0, 2.0), (12.0, 13.0)], 2: [(1.5, 4.0)]}, seconds=34.0)
    packed = b"".join([pack(*voices[0]), *pack_chunks(heard), pack(*voices[1]), pack(*voices[2])])
    assert len(packed) == 5 * RECORD_BYTES, "nothing is kept of ten seconds in which nobody speaks"
    assert len(unpack(packed)[1]) == 3
    assert all((kept == values[:2]).all() for kept, values in zip(unpack_chunks(packed), heard, strict=True))


def kept(speech: list[Span]) -> bytes:
    """Speech of one voice a chunk, as a job keeps it."""
    return b"".join(pack_chunks(chunks_of({0: speech}, seconds=60.0)))


def test_speech_without_words_gets_the_speaker_whose_voice_it_has() -> None:
    """The second turn of each voice has no words."""
    voices = voices_by_turns(72)
    seconds = 12 * 0.8
    words = [
        Span(at, at + 0.3) for at in np.arange(0, 6 * seconds, 0.32).tolist() if not 2 <= at // seconds < 4
    ]
    silent = [Span(2 * seconds + 0.2, 3 * seconds), Span(3 * seconds, 4 * seconds - 0.2)]
    packed = b"".join(pack(*voice) for voice in voices) + kept(silent)
    assigned = assign_turns(words, packed, least=1, most=10)
    assert len(assigned.speakers) == len(words)
    (first, one), (second, other) = assigned.wordless
    assert (one, other) == (assigned.speakers[0], assigned.speakers[-1])
    assert one != other
    assert first.start == pytest.approx(silent[0].start, abs=0.2)
    assert second.end == pytest.approx(silent[1].end, abs=0.2)
    assert first.end == second.start == pytest.approx(3 * seconds, abs=0.8)


def test_a_word_that_came_later_takes_the_place_of_speech_without_words() -> None:
    voices = b"".join(pack(*voice) for voice in voices_by_turns(12))
    packed = voices + kept([Span(3.0, 6.0)])
    words = [Span(0.0, 1.0), Span(4.0, 5.0)]
    spans = [span for span, _ in assign_turns(words, packed, least=1, most=1).wordless]
    assert np.allclose(spans, [(3, 4), (5, 6)], atol=FRAME)


def test_speech_gets_its_speakers_also_where_no_word_is_at_all() -> None:
    packed = b"".join(pack(*voice) for voice in voices_by_turns(72)) + kept([Span(0.0, 57.6)])
    assigned = assign_turns([], packed, least=1, most=10)
    assert assigned.speakers == []
    spans, speakers = zip(*assigned.wordless, strict=True)
    assert speakers == (speakers[0], 1 - speakers[0]) * 3
    assert [span.start for span in spans] == pytest.approx([i * 9.6 for i in range(6)], abs=0.8)


def test_nobody_has_a_turn_where_a_moment_of_sound_is_all() -> None:
    moment = b"".join(pack_chunks(chunks_of({1: [(2.0, 2.1)]}, seconds=10.0)))
    assert assign_turns([], moment, least=1, most=10).wordless == []


def test_who_speaks_while_another_s_words_are_written_has_a_turn_there() -> None:
    """The voices are by turns of 9.6 seconds; the first goes on for a second while the second speaks."""
    voices = b"".join(pack(*voice) for voice in voices_by_turns(48))
    one, other = [(0.0, 9.6), (12.0, 13.0), (19.2, 28.8)], [(9.6, 19.2), (28.8, 38.4)]
    packed = voices + b"".join(pack_chunks(chunks_of({0: one, 2: other}, seconds=39.0)))
    words = [Span(at, at + 0.3) for at in np.arange(0, 38.4, 0.32).tolist()]
    assigned = assign_turns(words, packed, least=1, most=10)
    ((span, speaker),) = assigned.wordless
    assert speaker == assigned.speakers[0] != assigned.speakers[40]
    assert np.allclose(span, (12.0, 13.0), atol=2 * FRAME)
    assert assigned.unwritten == 0


def test_only_long_speech_without_words_is_unwritten() -> None:
    """A second of it may be a pause between words."""
    voices = b"".join(pack(*voice) for voice in voices_by_turns(12))
    words = [Span(0.0, 1.0), Span(8.0, 9.0)]
    for end, seconds in ((4.0, 0), (5.5, 2.5)):
        assigned = assign_turns(words, voices + kept([Span(3.0, end)]), least=1, most=1)
        assert assigned.unwritten == pytest.approx(seconds, abs=2 * FRAME)


def test_a_word_between_two_voices_is_the_one_s_whom_the_segmentation_hears() -> None:
    """The windows around the border hold both voices alike."""
    (_, one), *_, (_, other) = voices_by_turns(24)
    mixed = (one + other) / np.linalg.norm(one + other)
    windows = [(Span(i * 0.8, i * 0.8 + 1.6), one if i < 5 else mixed if i < 7 else other) for i in range(12)]
    words = [Span(at, at + 0.3) for at in np.arange(0, 10.0, 0.32).tolist()]
    borders = []
    for border in (4.8, 6.0):
        heard = chunks_of({0: [(0.0, border)], 1: [(border, 10.0)]}, seconds=10.0)
        packed = b"".join(pack(*window) for window in windows) + b"".join(pack_chunks(heard))
        speakers = assign_turns(words, packed, least=2, most=2).speakers
        borders.append(words[speakers.index(speakers[-1])].start)
    assert borders[0] < borders[1]


def test_words_without_length_are_doubtful_and_end_nothing() -> None:
    voices = b"".join(pack(*voice) for voice in voices_by_turns(12))
    assert assign_turns([Span(1.0, 1.0), Span(2.0, 2.0)], voices, least=1, most=10).doubt


async def test_progress_rises_from_the_chunks_through_the_voices_to_the_end(tmp_path: Path) -> None:
    pcm, shares = tmp_path / "pcm", list[float]()
    pcm.write_bytes(decode(ENGLISH_SHORT.path) * 7)  # 23 seconds
    packed = await embed(pcm, stretch_of([], at=0, start=-math.inf, end=math.inf), on_share=shares.append)
    assert is_current(packed)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    chunks, voices = len(unpack_chunks(packed).starts), len(unpack(packed)[1])
    assert len(shares) == 2 + chunks + voices
    assert 0.1 < shares[chunks] < 0.5
