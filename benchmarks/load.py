"""The upload for both apps, and the client that sends it."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

MB = 1024 * 1024
UPLOAD_BYTES = 25 * MB
WHOLE_BYTES = 22 * MB  # fits into one request to the engine, since the plain app sends all of it at once
SMALL_BYTES = 5 * MB
BOUNDARY = "escribabench0d6e4c1f8b1d0c5f2f6c9d"


def recording(folder: Path, most_bytes: int) -> bytes:
    """Up to `most_bytes` of stereo mp3 at 320 kbit/s: a minute of tones, repeated."""
    minute = folder / "minute.mp3"
    if not minute.exists():
        tones = "aevalsrc='0.2*sin(2*PI*(300+200*sin(t))*t)':s=44100:d=60"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", tones]
        bare = ["-ac", "2", "-b:a", "320k", "-write_xing", "0", "-id3v2_version", "0"]
        subprocess.run([*command, *bare, minute], check=True)
    content = minute.read_bytes()
    return (content * (most_bytes // len(content) + 1))[:most_bytes]


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body that can be sent any number of times."""

    body: bytes

    @classmethod
    def of(cls, content: bytes) -> Upload:
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="language"\r\n\r\nes\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n'
            "Content-Type: audio/mpeg\r\n\r\n"
        )
        return cls(head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode())

    def send(self, port: int) -> None:
        """Post it and check that the answer is a transcript."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", "/transcribe", self.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200 or not json.loads(body)["text"]:
            raise RuntimeError(f"{answer.status} {body[:300]!r}")

    def send_too_much(self, port: int) -> None:
        """Post it with a Content-Length beyond the limit, and check that it is refused."""
        with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
            kind = f"content-type: multipart/form-data; boundary={BOUNDARY}"
            head = (
                f"POST /transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {10**9}\r\n{kind}\r\n\r\n"
            )
            connection.sendall(head.encode() + self.body)
            assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")

    def send_at_once(self, port: int, times: int) -> float:
        """Post it so often at once; return how many seconds it takes."""
        start = time.monotonic()
        with ThreadPoolExecutor(times) as pool:
            for upload in [pool.submit(self.send, port) for _ in range(times)]:
                upload.result()
        return time.monotonic() - start
