"""Says what became of each recording: to people on standard error, or in JSON on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from escriba.arguments import Arguments
from escriba.plan import Recording
from escriba.transcribe import Text


def write_line(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Results:
    """`is_complete` as long as every recording has its files. `write` is replaced while bars are shown."""

    def __init__(self, arguments: Arguments) -> None:
        self.is_complete = True
        self.write: Callable[[str], None] = write_line
        self._as_json, self._quiet, self._say = arguments.as_json, arguments.quiet, arguments.say

    def done(self, recording: Recording, text: Text) -> None:
        self._report(recording, "written", {"status": "completed", "jobId": text.job_id})

    def skipped(self, recording: Recording) -> None:
        self._report(recording, "there_already", {"status": "skipped"})

    def failed(self, name: str, code: str, message: str, hint: str = "") -> None:
        self.is_complete = False
        if self._as_json:
            error = {"code": code, "message": message, **({"hint": hint} if hint else {})}
            self._write_json({"file": name, "status": "failed", "error": error})
        else:
            self.write(self._say("failed", file=name, message=f"{message} {hint}".rstrip()))

    def standard_output(self, text: Text) -> None:
        (content,) = text.by_format.values()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()

    def _report(self, recording: Recording, sentence: str, fields: dict[str, str]) -> None:
        outputs = {name: str(path) for name, path in recording.outputs.items()}
        if self._as_json:
            self._write_json({"file": str(recording.path), **fields, "outputs": outputs})
        elif not self._quiet:
            self.write(self._say(sentence, file=recording.path, outputs=", ".join(outputs.values())))

    def _write_json(self, value: dict[str, Any]) -> None:
        sys.stdout.write(f"{json.dumps(value, ensure_ascii=False)}\n")
        sys.stdout.flush()
