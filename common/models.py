"""The values that all packages share: frozen, camelCase in JSON, durations as float seconds.

Times of day are epoch seconds; `common/jobs/view.py` turns them into ISO 8601 where people read them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from common.value import Value
from common.wait_reasons import WaitReason

Task = Literal["transcribe", "translate"]
Granularity = Literal["segment", "word"]
Scope = Literal["transcribe", "read", "metrics", "admin"]


class Options(Value):
    """What the client asked for; stored with a job, so that its next run asks for the same."""

    language: str | None = Field(None, description="ISO 639-1 code; detected when absent")
    languages: tuple[str, ...] = Field((), description="ISO 639-1 codes: the only ones that may be detected")
    prompt: str | None = Field(None, description="context or spelling; at most 896 UTF-8 bytes are used")
    temperature: float | None = Field(None, ge=0, le=1)
    timestamps: tuple[Granularity, ...] = ("segment",)
    task: Task = "transcribe"
    model: str | None = Field(None, description="the server's GROQ_MODEL when absent")
    track: int | None = Field(None, ge=1, description="the audio track of the file, from 1")
    tracks: Literal["mix"] | None = Field(None, description="all audio tracks of the file at once")
    input_format: str | None = Field(None, description="how a headerless file is read: mulaw;rate=8000")
    speakers: str | None = Field(None, description="how many may speak: true, 2, 2-5")
    guard: bool = Field(True, description="remove hallucinations; what was removed is in `suppressed`")
    cache: bool = Field(True, description="answer with the text of an equal recording, and keep this one's")


class Word(Value):
    """One word with its times in seconds on the recording's clock."""

    word: str
    start: float
    end: float
    speaker: str | None = Field(None, description="the label of who says it, where that was asked for")


class Segment(Value):
    """One phrase with its times in seconds on the recording's clock, and how certain the engine was."""

    id: int
    start: float
    end: float
    text: str
    avg_logprob: float | None = Field(None, description="mean log probability of the tokens; -1 is poor")
    no_speech_prob: float | None = Field(None, description="0 to 1")
    compression_ratio: float | None = Field(None, description="above 2.4 it repeats itself")
    temperature: float | None = None
    language: str | None = Field(None, description="ISO 639-1 code of the language that is spoken")
    speaker: str | None = Field(None, description="the label of who speaks: A, B, … in order of first speech")


class Suppressed(Value):
    """A hallucination: text that the engine recognised and nobody said, removed from the transcript."""

    start: float
    end: float
    text: str
    reason: Literal["silence", "phrase", "repetition"]


class Turn(Value):
    """One speaker speaks from `start` to `end`."""

    speaker: str
    start: float
    end: float


class TranscriptWarning(Value):
    """What a person should know of a transcript: a code of `common.warnings`, and details of its sentence."""

    code: str
    details: dict[str, str | float] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _parse_sentence(cls, value: Any) -> Any:
        """Transcripts that were stored before warnings had codes hold sentences."""
        return {"code": "note", "details": {"text": value}} if isinstance(value, str) else value


class Transcript(Value):
    """The text of a recording. `segments` and `words` are in order; `duration` is measured, in seconds."""

    text: str
    language: str | None = Field(None, description="ISO 639-1 code")
    language_probability: float | None = Field(None, description="0 to 1, where the engine reports it")
    duration: float
    model: str | None = Field(None, description="the model that really ran")
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] | None = Field(None, description="present when word times were requested")
    suppressed: tuple[Suppressed, ...] = ()
    warnings: tuple[TranscriptWarning, ...] = ()
    speakers: dict[str, str] | None = Field(None, description="the names that people gave, by label")
    wordless: tuple[Turn, ...] | None = Field(
        None, description="who speaks between words, or beside another's"
    )


class Piece(Value):
    """One transcribed piece of a recording.

    It covers `start` to `start + transcript.duration` on the recording's clock, which is where it was really
    cut. The times inside `transcript` are on the piece's own clock, from 0.
    """

    index: int
    start: float
    transcript: Transcript


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────

Status = Literal["pending", "queued", "processing", "waiting", "completed", "failed", "cancelled"]
Stage = Literal["upload", "queue", "download", "prepare", "transcribe", "merge", "speakers"]

TERMINAL: frozenset[Status] = frozenset({"completed", "failed", "cancelled"})


class Audio(Value):
    """The recording as it was received. `filename` is what its owner called it, for display only."""

    size_bytes: int
    sha256: str
    filename: str | None = None


class JobError(Value):
    """Why a job failed: a code of `common.errors`, the details its sentence names, and the stage."""

    code: str
    details: dict[str, str | float] = Field(default_factory=dict)
    stage: Stage
    retryable: bool


class Job(Value):
    """One recording on its way to text; `common.jobs.state` makes every next value of it.

    `seq` grows by one per commit and never repeats. `run` counts how often a person asked for it,
    `attempts` the starts within this run that ended without progress, `deaths` how often the process that ran
    it died since a piece was last kept (`common.jobs.suspects`). Times are epoch seconds.
    """

    job_id: str
    user_id: str | None = None
    owner: str | None = Field(None, description="the access key that made it, with the user of its token")
    # Kept beside the JSON, which versions that do not know it read too.
    client: str | None = Field(None, exclude=True, description="whose limits count: a key, a hashed address")
    status: Status
    stage: Stage | None = None
    seq: int = 1
    run: int = 1
    attempts: int = 0
    deaths: int = 0
    progress: float = Field(0, ge=0, le=100)
    pieces_done: int = Field(0, alias="chunksDone")  # the name it is stored by
    pieces_total: int | None = Field(None, alias="chunksTotal")
    created_at: float
    updated_at: float
    started_at: float | None = None
    completed_at: float | None = None
    waiting_until: float | None = None
    waiting_for: WaitReason | None = Field(None, description="why it waits until then")
    expires_at: float
    erased_at: float | None = Field(None, description="when its audio and text were removed")
    options: Options
    filename: str | None = Field(None, description="what its owner calls the recording, said before it came")
    audio: Audio | None = None
    source_url: str | None = Field(None, description="where the job fetches its audio; no event carries it")
    received_bytes: int | None = Field(None, description="while it does, how many bytes have come")
    total_bytes: int | None = Field(None, description="of how many, where the server says it")
    language: str | None = Field(None, description="of the first piece with text; in the end of most of it")
    locale: Literal["en", "es"] = Field(
        "en", alias="reader", description="the language of sentences in deliveries"
    )
    callback_url: str | None = None
    fingerprint: str | None = Field(
        None, description="hash of the request: a repeat has the same, another request under this id has not"
    )
    error: JobError | None = None
    cached: Literal[True] | None = Field(None, description="the text of an equal recording was its answer")
    revision: int | None = Field(None, description="how often a person has corrected its text")
    speakers_progress: float | None = Field(None, description="0 to 100, while they come after the text")
    text_seq: int | None = Field(None, description="the commit that last changed the text, if not the last")
    unlabelled_seq: int | None = Field(None, description="that of the text to which the speakers came")

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL


class JobEvent(Value):
    """One commit, as watchers see it. `seq` is the job's.

    A `text` event carries the text of one piece (`index`, `start`, `end` on the recording's clock), and
    `progress` may carry what is transcribed of one so far.
    """

    type: Literal["state", "progress", "text"]
    seq: int
    job: Job
    index: int | None = None
    start: float | None = None
    end: float | None = None
    text: str | None = None


# ── access ────────────────────────────────────────────────────────────────────────────────────────

_MOST = 10**12  # more than anybody uses, within what every store and every calculation holds


class Limits(Value):
    """What the holder of one key may use, with all its tokens; None: as the settings say."""

    requests_per_minute: int | None = Field(None, ge=1, le=_MOST)
    audio_per_hour: int | None = Field(None, ge=10, le=_MOST, description="seconds")
    audio_per_day: int | None = Field(None, ge=10, le=_MOST, description="seconds")
    jobs: int | None = Field(None, ge=1, le=_MOST, description="waiting or running")
    stored_mb: int | None = Field(None, ge=1, le=_MOST, description="recordings that wait")


NO_LIMITS = Limits()


class AccessKey(Value):
    """An access key as it is stored: its SHA-256 and what it allows, never the key itself. Epoch seconds."""

    key_id: str
    name: str
    digest: str
    scopes: tuple[Scope, ...]
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    limits: Limits | None = None
