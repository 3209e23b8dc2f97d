"""The job that OpenAPI shows."""

from __future__ import annotations

_EXAMPLE = {
    "jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
    "status": "processing",
    "stage": "transcribe",
    "progress": 54.5,
    "run": 1,
    "attempts": 1,
    "seq": 9,
    "chunks": {"done": 3, "total": 6},
    "createdAt": "2026-01-01T12:00:00.000Z",
    "startedAt": "2026-01-01T12:00:01.100Z",
    "updatedAt": "2026-01-01T12:00:09.350Z",
    "expiresAt": "2026-01-04T12:00:00.000Z",
}
JOB_CONTENT = {"content": {"application/json": {"example": _EXAMPLE}}}
