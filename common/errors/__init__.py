"""Every failure Escriba can answer with: one class, one status, one stable code, a sentence in two languages.

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
    │   └── HeadersTooLarge           431 headers_too_large
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
    ├── Interrupted                   500 interrupted
    ├── Busy                          503 busy
    ├── AnswerLate                    504 answer_late
    ├── AnswerTooLarge                413 answer_too_large
    ├── StorageFull                   507 storage_full
    ├── StorageBroken                 500 storage_broken
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

`RetryLater` is outside the tree: a delay is not a failure.
Each subject has a module of its own in this package; import all errors from here.
Raise with the details that the sentence names: `UploadTooLarge(limit_mb=25)`.
"""

from __future__ import annotations

from common.errors.audio import (
    AudioProtected,
    AudioRefused,
    AudioTooCostly,
    AudioTooLong,
    AudioTooShort,
    AudioTrackMissing,
    AudioTrackUnknown,
    AudioTruncated,
    AudioUnreadable,
    FileIsArchive,
    FileIsDocument,
    FileIsImage,
    FileIsPlaylist,
    FileIsSubtitles,
)
from common.errors.download import (
    DownloadFailed,
    UrlDenied,
    UrlIsPage,
    UrlNotFound,
    UrlNotPublic,
    UrlRedirects,
    UrlTooSlow,
    UrlUnreachable,
    UrlUnusable,
)
from common.errors.engine import (
    AudioOverQuota,
    EngineBroken,
    EngineFailed,
    EngineKeyInvalid,
    EngineMissing,
    EngineQuotaSpent,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from common.errors.escriba_error import EscribaError, RetryLater, by_code
from common.errors.job import (
    AudioGone,
    Interrupted,
    JobConflict,
    JobExpired,
    JobNotFound,
    JobNotRetryable,
    JobRefused,
    TooManyWatchers,
    TranscriptNotReady,
    UploadExpired,
    UploadTicketInvalid,
)
from common.errors.request import (
    BaseUrlWrong,
    BodyMalformed,
    HeadersTooLarge,
    LanguageUnknown,
    MethodNotAllowed,
    ModelUnknown,
    OptionInvalid,
    OptionMissing,
    OptionUnknown,
    OptionUnsupported,
    RequestMalformed,
    RequestRefused,
    RouteUnknown,
)
from common.errors.sentence import ONE_VALUE, Detail, Language, Sentence
from common.errors.server import (
    AnswerLate,
    AnswerTooLarge,
    Busy,
    StorageBroken,
    StorageFull,
    StoreUnavailable,
    ToolMissing,
)
from common.errors.upload import (
    EncodingUnsupported,
    FileEmpty,
    FileMissing,
    FileRepeated,
    MediaTypeUnsupported,
    UploadNeedsTicket,
    UploadTooLarge,
    UploadTooSlow,
)

__all__ = [
    "ONE_VALUE",
    "AnswerLate",
    "AnswerTooLarge",
    "AudioGone",
    "AudioOverQuota",
    "AudioProtected",
    "AudioRefused",
    "AudioTooCostly",
    "AudioTooLong",
    "AudioTooShort",
    "AudioTrackMissing",
    "AudioTrackUnknown",
    "AudioTruncated",
    "AudioUnreadable",
    "BaseUrlWrong",
    "BodyMalformed",
    "Busy",
    "Detail",
    "DownloadFailed",
    "EncodingUnsupported",
    "EngineBroken",
    "EngineFailed",
    "EngineKeyInvalid",
    "EngineMissing",
    "EngineQuotaSpent",
    "EngineRefused",
    "EngineTimeout",
    "EngineUnreachable",
    "EscribaError",
    "FileEmpty",
    "FileIsArchive",
    "FileIsDocument",
    "FileIsImage",
    "FileIsPlaylist",
    "FileIsSubtitles",
    "FileMissing",
    "FileRepeated",
    "HeadersTooLarge",
    "Interrupted",
    "JobConflict",
    "JobExpired",
    "JobNotFound",
    "JobNotRetryable",
    "JobRefused",
    "Language",
    "LanguageUnknown",
    "MediaTypeUnsupported",
    "MethodNotAllowed",
    "ModelUnknown",
    "OptionInvalid",
    "OptionMissing",
    "OptionUnknown",
    "OptionUnsupported",
    "RequestMalformed",
    "RequestRefused",
    "RetryLater",
    "RouteUnknown",
    "Sentence",
    "StorageBroken",
    "StorageFull",
    "StoreUnavailable",
    "TooManyWatchers",
    "ToolMissing",
    "TranscriptNotReady",
    "UploadExpired",
    "UploadNeedsTicket",
    "UploadTicketInvalid",
    "UploadTooLarge",
    "UploadTooSlow",
    "UrlDenied",
    "UrlIsPage",
    "UrlNotFound",
    "UrlNotPublic",
    "UrlRedirects",
    "UrlTooSlow",
    "UrlUnreachable",
    "UrlUnusable",
    "by_code",
]
