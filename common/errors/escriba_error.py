"""The root of the tree of errors, and `RetryLater`, which is outside it: a delay is not a failure.

EscribaError                      500 internal_error
├── RequestRefused                400 request_refused
│   ├── BodyMalformed             400 body_malformed
│   ├── RequestMalformed          400 request_malformed
│   ├── RouteUnknown              404 not_found
│   ├── BaseUrlWrong              404 base_url_wrong
│   ├── ModelUnknown              404 model_not_found
│   ├── MethodNotAllowed          405 method_not_allowed
│   ├── UploadTooSlow             408 upload_too_slow
│   ├── UploadTooLarge            413 upload_too_large
│   ├── UploadNeedsTicket         413 upload_needs_ticket
│   ├── EncodingUnsupported       415 content_encoding_unsupported
│   ├── MediaTypeUnsupported      415 media_type_unsupported
│   ├── FileMissing               422 file_missing
│   ├── FileRepeated              422 file_repeated
│   ├── FileEmpty                 422 file_empty
│   ├── OptionUnknown             422 option_unknown
│   ├── OptionInvalid             422 option_invalid
│   ├── OptionMissing             422 option_missing
│   ├── OptionUnsupported         422 option_unsupported
│   ├── LanguageUnknown           422 language_unknown
│   ├── SpeakersUnavailable       422 speakers_unavailable
│   └── HeadersTooLarge           431 headers_too_large
├── AccessRefused                 403 access_refused
│   ├── KeyMissing                401 key_missing
│   ├── KeyInvalid                401 key_invalid
│   ├── KeyExpired                401 key_expired
│   ├── PasswordWrong             401 password_wrong
│   ├── SessionMissing            401 session_missing
│   ├── ScopeMissing              403 scope_missing
│   ├── OriginRefused             403 origin_refused
│   ├── KeyNotFound               404 key_not_found
│   ├── UserNotYours              403 user_not_yours
│   ├── AccessOff                 404 access_off
│   ├── PasswordOff               404 password_off
│   └── HostUnknown               421 host_unknown
├── AudioRefused                  (the recording cannot be transcribed)
│   ├── AudioUnreadable           415 audio_unreadable
│   │   ├── FileIsPlaylist        415 file_is_playlist
│   │   ├── FileIsSubtitles       415 file_is_subtitles
│   │   ├── FileIsImage           415 file_is_image
│   │   ├── FileIsArchive         415 file_is_archive
│   │   └── FileIsDocument        415 file_is_document
│   ├── AudioProtected            422 audio_protected
│   ├── AudioTrackMissing         422 audio_track_missing
│   ├── AudioTrackUnknown         422 audio_track_unknown
│   ├── AudioTruncated            422 audio_truncated
│   ├── AudioTooShort             422 audio_too_short
│   ├── AudioTooLong              422 audio_too_long
│   └── AudioTooCostly            422 audio_too_costly
├── JobRefused                    (a job cannot do what the client requests)
│   ├── JobNotFound               404 job_not_found
│   ├── JobConflict               409 job_conflict
│   ├── JobNotRetryable           409 job_not_retryable
│   ├── TranscriptNotReady        409 transcript_not_ready
│   ├── JobExpired                410 job_expired
│   ├── TranscriptChanged         412 transcript_changed
│   ├── TranscriptTooLarge        413 transcript_too_large
│   ├── SpeakerUnknown            422 speaker_unknown
│   ├── VersionMissing            428 version_missing
│   ├── AudioGone                 410 audio_gone
│   ├── UploadTicketInvalid       403 upload_ticket_invalid
│   ├── UploadExpired             410 upload_expired
│   └── TooManyWatchers           429 too_many_watchers
├── DownloadFailed                (the recording at `url` cannot be fetched)
│   ├── UrlIsPage                 415 url_is_page
│   ├── UrlDenied                 422 url_denied
│   ├── UrlNotFound               422 url_not_found
│   ├── UrlNotPublic              422 url_not_public
│   ├── UrlRedirects              422 url_redirects
│   ├── UrlUnusable               422 url_unusable
│   ├── UrlUnreachable            502 url_unreachable
│   └── UrlTooSlow                504 url_too_slow
├── LimitReached                  429 limit_reached
│   ├── TooManyRequests           429 too_many_requests
│   ├── TooMuchAudio              429 too_much_audio
│   ├── TooManyJobs               429 too_many_jobs
│   ├── TooManyUploadsExpected    429 too_many_uploads_expected
│   └── TooMuchStored             429 too_much_stored
├── TooManyGuesses                429 too_many_guesses
├── Interrupted                   500 interrupted
├── SpeakersFailed                500 speakers_failed
├── Busy                          503 busy
├── Paused                        503 paused
├── ServerStopping                503 server_stopping
├── AnswerLate                    504 answer_late
├── AnswerTooLarge                413 answer_too_large
├── StorageFull                   507 storage_full
├── StorageBroken                 500 storage_broken
├── StoreUnavailable              503 store_unavailable
├── ToolMissing                   503 ffmpeg_missing
└── EngineFailed                  (the engine behind us failed)
    ├── EngineUnreachable         502 engine_unreachable
    ├── EngineBroken              502 engine_broken
    ├── EngineRefused             502 engine_refused
    ├── EngineKeyInvalid          502 engine_key_invalid
    ├── EngineMissing             503 engine_missing
    ├── EngineQuotaSpent          503 engine_quota_spent
    ├── AudioOverQuota            413 audio_over_quota
    └── EngineTimeout             504 engine_timeout
"""

from __future__ import annotations

from typing import ClassVar

from common.errors.sentence import Detail, Language, Sentence


class RetryLater(Exception):
    """Not now: the quota is spent or the engine asked to wait. Try again after `delay` seconds.

    `error` answers a client that waits for its text, where the reason is not the engine's quota.
    """

    def __init__(self, delay: float, reason: str = "", *, error: EscribaError | None = None) -> None:
        super().__init__(f"retry in {delay:.1f} s: {reason}")
        self.delay = delay
        self.reason = reason
        self.error = error


class EscribaError(Exception):
    """A failure that is explained to the person at the other end.

    `details` fill the sentence and nothing else; they must hold nothing secret.
    `retry_after` (seconds) becomes the Retry-After header.
    """

    status: int = 500  # a class's own, unless the web framework refused a request with another
    code: ClassVar[str] = "internal_error"
    sentence: ClassVar[Sentence] = Sentence(
        "Something broke on our side.",
        "Algo se rompió de nuestro lado.",
    )
    hint: ClassVar[Sentence | None] = Sentence(
        "Try again; if it goes on, report the requestId.",
        "Inténtalo de nuevo; si continúa, comunica el requestId.",
    )
    retryable: ClassVar[bool] = False

    def __init__(self, *, retry_after: float | None = None, **details: Detail) -> None:
        self.details = details
        self.retry_after = retry_after
        super().__init__(self.message("en"))

    def message(self, language: Language) -> str:
        return self.sentence.render(language, self.details)

    def advice(self, language: Language) -> str | None:
        return self.hint.render(language, self.details) if self.hint else None


def by_code(code: str) -> type[EscribaError]:
    """The class with this code; EscribaError itself for a stored code that no longer exists."""
    classes = [EscribaError]
    for known in classes:
        if known.code == code:
            return known
        classes.extend(known.__subclasses__())
    return EscribaError
