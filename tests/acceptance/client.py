"""A client as patient as a good page: it sends the same jobId again until it knows that it was accepted."""

from __future__ import annotations

import array
import hashlib
import io
import time
import uuid
import wave
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

ENDED = {"completed", "failed", "cancelled"}


def tone(random: Random, seconds: float = 0.5) -> bytes:
    """A short wav that no other is equal to."""
    samples = array.array("h", (random.randint(-8000, 8000) for _ in range(int(8000 * seconds))))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return out.getvalue()


@dataclass
class Submitted:
    """One recording to be transcribed; `text` is what the stand-in engine says of it."""

    audio: bytes
    job_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    accepted: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.audio).hexdigest()

    @property
    def text(self) -> str:
        return f"heard {self.sha256[:12]}"

    def submit(self, url: str) -> None:
        """One try. A server that dies meanwhile is no failure: `accepted` stays as it was."""
        try:
            answer = httpx.post(
                f"{url}/transcribe-job",
                files={"file": ("a.wav", self.audio)},
                data={"jobId": self.job_id},
                timeout=60,
            )
        except httpx.TransportError:
            return
        if answer.status_code != 503:
            assert answer.status_code == 202, answer.text
            self.accepted = True

    def ended(self, url: str, *, within: float = 120) -> dict[str, Any]:
        """The job once it has ended."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            answer = httpx.get(f"{url}/job/{self.job_id}", params={"wait": 5}, timeout=60)
            assert answer.status_code == 200, answer.text
            job: dict[str, Any] = answer.json()
            if job["status"] in ENDED:
                return job
        raise AssertionError(f"it never ended: {job}")
