"""The settings: one model, and the only code that reads the environment.

Each field is the environment variable of the same name in capitals; README.md lists them all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from common.setting_types import (
    AdminKey,
    ApiKeys,
    BucketUrl,
    HttpUrl,
    Origin,
    Origins,
    PagePassword,
    PostgresUrl,
    Proxies,
    SigningSecret,
)

MB = 1024 * 1024
GROQ_URL = "https://api.groq.com/openai/v1"


class SettingInvalid(Exception):
    """A variable has an invalid value; the sentence names the variable and never repeats a key."""


class Settings(BaseModel):
    """All settings, with defaults for 512 MB and 0.1 vCPU. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    data_dir: Path = Path("data")
    cors_origins: Origins = ()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    groq_api_key: str | None = Field(None, repr=False)
    groq_base_url: HttpUrl = GROQ_URL
    groq_model: str = "whisper-large-v3-turbo"
    strict_models: bool = False
    engine_model: str | None = None  # a folder or a hub name for the embedded engine

    max_upload_mb: int = Field(25, ge=1, le=2000)
    max_audio_minutes: int = Field(240, ge=1)
    ffmpeg_at_once: int = Field(1, ge=1, le=64)

    max_job_upload_mb: int = Field(200, ge=1, le=2000)
    jobs_at_once: int = Field(3, ge=1, le=64)
    pieces_at_once: int = Field(2, ge=1, le=16)
    max_queue: int = Field(200, ge=1)
    max_pending: int = Field(1000, ge=1)
    lease_seconds: float = Field(30, gt=0)
    max_attempts: int = Field(4, ge=1, le=20)
    retention_hours: float = Field(72, gt=0)
    storage_mb: int = Field(2000, ge=1)
    cache_mb: int = Field(50, ge=0)
    speakers: bool = True  # where what they need is installed
    speakers_timeout: float = Field(7200, gt=0)
    speakers_later: bool = False  # a completed job may get its speakers as a later snapshot
    speakers_wait: float | None = Field(None, ge=0)
    upload_ticket_seconds: float = Field(900, gt=0)
    sweep_seconds: float = Field(60, gt=0)
    max_watchers: int = Field(500, ge=1)
    client_share: float = Field(0.5, gt=0, le=1)
    client_requests_per_minute: int = Field(600, ge=1)
    client_audio_per_hour: int | None = Field(None, ge=10)
    client_audio_per_day: int | None = Field(None, ge=10)
    watch_heartbeat: float = Field(15, gt=0)
    public_url: HttpUrl | None = None
    trusted_proxies: Proxies = ("private",)
    trusted_hops: int = Field(1, ge=1, le=16)
    convex_site_url: HttpUrl | None = None
    convex_api_key: str | None = Field(None, repr=False)
    convex_page_url: Origin | None = None
    convex_monthly_pushes: int = Field(300_000, ge=1)
    callback_secret: SigningSecret | None = Field(None, repr=False)
    callback_private_addresses: bool = False
    download_private_addresses: bool = False
    download_timeout: float = Field(600, gt=0)

    admin_key: AdminKey | None = Field(None, repr=False)
    api_keys: ApiKeys | None = Field(None, repr=False)
    anonymous_access: bool = False
    page_password: PagePassword | None = Field(None, repr=False)

    # jobs and recordings that outlast every instance; S3's tools share the names of the last four
    database_url: PostgresUrl | None = Field(None, repr=False)
    database_idle_seconds: float = Field(240, gt=0)
    database_check_seconds: float = Field(3600, gt=0)
    audio_url: BucketUrl | None = None
    aws_endpoint_url_s3: HttpUrl | None = None
    aws_region: str = "us-east-1"
    aws_access_key_id: str | None = Field(None, repr=False)
    aws_secret_access_key: str | None = Field(None, repr=False)

    # AWS's names of the resources that template.yaml creates
    function_module: str | None = None
    jobs_table: str | None = None
    audio_bucket: str | None = None
    queue_url: str | None = None
    websocket_url: str | None = None
    websocket_endpoint: str | None = None

    quota_requests_per_minute: int | None = Field(None, ge=1)
    quota_requests_per_day: int | None = Field(None, ge=1)
    quota_audio_per_hour: int | None = Field(None, ge=10)
    quota_audio_per_day: int | None = Field(None, ge=10)

    transcriptions_at_once: int = Field(5, ge=1, le=64)
    line_length: int = Field(64, ge=1, le=1000)
    line_timeout: float = Field(90, gt=0)
    line_mb: int = Field(500, ge=1)
    upload_slots: int = Field(5, ge=1)
    upload_timeout: float = Field(300, gt=0)
    upload_idle_timeout: float = Field(15, gt=0)
    upload_min_bytes_per_second: int = Field(4096, ge=0)
    header_timeout: float = Field(10, gt=0)
    shutdown_timeout: float = Field(8, gt=0)

    @model_validator(mode="after")
    def _instances_share_both(self) -> Settings:
        if (self.database_url is None) != (self.audio_url is None):
            raise ValueError(
                "DATABASE_URL (Postgres for jobs) and AUDIO_URL (a bucket for recordings), both or neither; "
                "one alone would still lose jobs with this disk"
            )
        if self.audio_url and not (self.aws_access_key_id and self.aws_secret_access_key):
            raise ValueError("with AUDIO_URL also AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        return self

    @model_validator(mode="after")
    def _convex_needs_all(self) -> Settings:
        if (self.convex_site_url is None) != (self.convex_api_key is None):
            raise ValueError("CONVEX_SITE_URL and CONVEX_API_KEY, both or neither")
        # On AWS the functions that serve the page push nothing, and have no key.
        if self.convex_page_url and not self.convex_site_url and not self.function_module:
            raise ValueError(
                "with CONVEX_PAGE_URL also CONVEX_SITE_URL and CONVEX_API_KEY, or its list would stay empty"
            )
        return self

    @property
    def has_access_keys(self) -> bool:
        """Whether callers need a key, or a token that the page's password was sent for."""
        return bool(self.admin_key or self.api_keys or self.page_password)

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MB

    @property
    def max_job_upload_bytes(self) -> int:
        return self.max_job_upload_mb * MB

    @property
    def longest_speakers_wait(self) -> float:
        """Seconds that a job's text waits for its speakers."""
        unset = 0.0 if self.speakers_later else self.speakers_timeout
        return min(unset if self.speakers_wait is None else self.speakers_wait, self.speakers_timeout)

    @property
    def request_grace(self) -> float:
        """Seconds that a request has after SIGTERM; the rest of `shutdown_timeout` is for what follows."""
        return self.shutdown_timeout * 3 / 4

    @property
    def line_bytes(self) -> int:
        return self.line_mb * MB

    @property
    def storage_bytes(self) -> int:
        return self.storage_mb * MB

    @property
    def cache_bytes(self) -> int:
        return self.cache_mb * MB

    @property
    def quota_limits(self) -> dict[str, int]:
        """The engine's limits that are set, by `Quota`'s names; the engine's answers name the others."""
        prefix = "quota_"
        return {
            name.removeprefix(prefix): value
            for name, value in self
            if name.startswith(prefix) and value is not None
        }

    @property
    def engine(self) -> Literal["groq", "embedded"]:
        """`groq`, or another server with its API, when a key or another address is set."""
        return "groq" if self.groq_api_key or self.groq_base_url != GROQ_URL else "embedded"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (default: the process's); an empty value counts as unset.

    Raises SettingInvalid with one sentence for the first variable that is wrong.
    """
    environment = os.environ if environment is None else environment
    values = {
        name: value for name in Settings.model_fields if (value := environment.get(name.upper(), "").strip())
    }
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise SettingInvalid(_sentence(exc)) from None  # pydantic's own message repeats the value


def _sentence(exc: ValidationError) -> str:
    problem = exc.errors(include_url=False, include_input=False)[0]
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected = message.partition(", unable to")[0]
    if not problem["loc"]:
        return f"The settings do not fit together; expected: {expected}."
    variable = str(problem["loc"][0]).upper()
    return f"{variable} has a value that cannot be used; expected: {expected}."
