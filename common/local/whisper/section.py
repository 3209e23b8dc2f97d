"""Transcribes the sections of one recording: finds the speech, its languages, and decodes each run of one.

No section gets the text before it as a prompt, since that makes repetitions spread.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from common.local.whisper.decoder import RATE, Section
from common.local.whisper.language_path import Probabilities
from common.local.whisper.language_runs import LanguageFinder, LanguageRun
from common.local.whisper.recognition import DecodingOptions, RecognisedSegment, RecognisedWord
from common.text.languages import code_of

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

    from common.local.whisper.decoder import Samples

    Features = Samples

_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # tried in turn while the text looks wrong, as Whisper does
_TOKEN_NAMES = {"jv": "jw"}  # what Whisper's tokenizer calls Javanese


class SectionRecogniser:
    """Transcribes the sections of one recording in order, and remembers their languages."""

    def __init__(self, model: WhisperModel, options: DecodingOptions, beam_size: int) -> None:
        self._model, self._options, self._beam_size = model, options, beam_size
        self._finder = LanguageFinder(self._detect, self._detect_in_window, options.languages)
        self._runs: list[LanguageRun] = []

    def main_language(self) -> tuple[str | None, float | None]:
        """The language of most of the speech so far, and its probability where it was detected."""
        if self._options.language:
            return self._options.language, None
        samples: dict[str, int] = defaultdict(int)
        for run in self._runs:
            samples[run.language] += run.end - run.start
        if not samples:
            return None, None
        language = max(samples, key=samples.__getitem__)
        certain = sum(
            run.probability * (run.end - run.start) for run in self._runs if run.language == language
        )
        return language, certain / samples[language]

    def recognise(self, section: Section) -> Iterator[RecognisedSegment]:
        from faster_whisper.transcribe import restore_speech_timestamps
        from faster_whisper.vad import collect_chunks, get_speech_timestamps

        # The library's own vad_filter does the same three steps, but detects a language even in a section
        # without speech.
        chunks = get_speech_timestamps(section.samples)
        if not chunks:
            return
        speech = _concatenate(collect_chunks(section.samples, chunks)[0])
        for run in self._find_runs(speech):
            segments = (_move(each, run.start) for each in self._transcribe(speech, run))
            for segment in restore_speech_timestamps(segments, chunks, RATE):
                yield _convert(segment, section.start, run.language)

    def _find_runs(self, speech: Samples) -> list[LanguageRun]:
        if self._options.language:
            return [LanguageRun(0, len(speech), self._options.language, 1.0)]
        runs = self._finder.find(speech)
        self._runs += runs
        return runs

    def _transcribe(self, speech: Samples, run: LanguageRun) -> Iterable[Segment]:
        options = self._options
        segments: Iterable[Segment]
        segments, _ = self._model.transcribe(
            speech[run.start : run.end],
            language=_token_for(run.language, self._model),
            task=options.task,
            beam_size=self._beam_size,
            temperature=options.temperature or _TEMPERATURES,
            initial_prompt=options.prompt,
            condition_on_previous_text=False,
            word_timestamps=options.words,
        )
        return segments

    def _detect(self, samples: Samples) -> Probabilities:
        frames = max(2, len(samples) // 320 * 2)  # of 10 ms; the encoder halves their number
        return self._detect_in(self._model.feature_extractor(samples)[..., :frames])

    def _detect_in_window(self, samples: Samples) -> Probabilities:
        from faster_whisper.audio import pad_or_trim

        return self._detect_in(pad_or_trim(self._model.feature_extractor(samples)))

    def _detect_in(self, features: Features) -> Probabilities:
        """Whisper's own detection, among the languages that the options allow."""
        import numpy as np

        model, allowed = self._model, self._options.languages
        if not model.model.is_multilingual:
            return {"en": 1.0}
        encoded = model.encode(np.ascontiguousarray(features))
        tokens = {token[2:-2]: probability for token, probability in model.model.detect_language(encoded)[0]}
        if not allowed:
            return {code_of(token) or token: probability for token, probability in tokens.items()}
        shares = {language: tokens.get(_token_for(language, model), 0.0) for language in allowed}
        total = sum(shares.values()) or 1.0
        return {language: share / total for language, share in shares.items()}


def _concatenate(chunks: list[Samples]) -> Samples:
    import numpy as np

    return np.concatenate(chunks)


def _token_for(language: str, model: WhisperModel) -> str:
    """This model's token for a language; models before large-v3 have Chinese instead of Cantonese."""
    names = (_TOKEN_NAMES.get(language, language), "zh", "en")  # the last for English-only models
    return next(name for name in names if model.hf_tokenizer.token_to_id(f"<|{name}|>") is not None)


def _move(segment: Segment, start: int) -> Segment:
    """The segment of a run on the clock of the section's speech, where the run starts at sample `start`."""
    seconds = start / RATE
    segment.seek += round(seconds * 100)
    segment.start, segment.end = segment.start + seconds, segment.end + seconds
    for word in segment.words or ():
        word.start, word.end = word.start + seconds, word.end + seconds
    return segment


def _convert(segment: Segment, start: float, language: str) -> RecognisedSegment:
    def at(seconds: float) -> float:
        return round(start + seconds, 2)

    return RecognisedSegment(
        id=0,
        seek=round(start * 100) + segment.seek,
        start=at(segment.start),
        end=at(segment.end),
        text=segment.text,
        tokens=tuple(segment.tokens),
        temperature=segment.temperature,
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
        language=language,
        words=tuple(RecognisedWord(word.word, at(word.start), at(word.end)) for word in segment.words or ()),
    )
