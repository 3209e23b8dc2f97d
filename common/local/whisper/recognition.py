"""The values of a recognition: how to decode a recording, and its segments and words."""

from __future__ import annotations

from dataclasses import dataclass

from common.models import Task


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How to decode a recording. `language` is an ISO 639-1 code, or None to detect it among `languages`."""

    language: str | None = None
    languages: tuple[str, ...] = ()  # empty: all that the model knows
    task: Task = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """Times in seconds from the start of the recording."""

    word: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RecognisedSegment:
    """Times in seconds from the start of the recording; `seek` in hundredths of one, as in Whisper.

    `language` is the one that was spoken, an ISO 639-1 code.
    """

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    language: str
    words: tuple[RecognisedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class RecognitionResult:
    """The text of a recording. `duration` is measured, in seconds.

    `language` is that of most of the speech, None for silence. `language_probability`, 0 to 1, is that of a
    detected language; None where the options named the language.
    """

    task: Task
    language: str | None
    duration: float
    segments: tuple[RecognisedSegment, ...]
    language_probability: float | None = None

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)
