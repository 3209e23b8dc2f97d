"""What a download may cost: the same as an upload, and a time in all."""

from __future__ import annotations

from dataclasses import dataclass

from common.settings import Settings


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """`seconds` in all, `idle` between two blocks; `min_rate` is bytes a second of waiting, 0 for none."""

    max_bytes: int
    seconds: float
    idle: float
    min_rate: int
    private_allowed: bool = False


def limits_of(settings: Settings, *, max_bytes: int) -> DownloadLimits:
    return DownloadLimits(
        max_bytes=max_bytes,
        seconds=settings.download_timeout,
        idle=settings.upload_idle_timeout,
        min_rate=settings.upload_min_bytes_per_second,
        private_allowed=settings.download_private_addresses,
    )
