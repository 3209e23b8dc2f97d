"""`python -m tests.deployed_page PASSWORD`: template.yaml deployed to the emulator, for a browser.

It prints the page's address, and ends when its input does. The page asks for the password. The engine is the
stand-in for Groq, which answers nothing before a line is read: a test can look at a job that runs.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

from tests.deployed import deploy, put_secrets
from tests.emulator import Emulator
from tests.replies import Reply
from tests.upstream import KEY, Upstream


def main(password: str) -> None:
    may_answer = threading.Event()

    def recognise(_: bytes) -> Reply:
        may_answer.wait()
        return Reply()

    with (
        tempfile.TemporaryDirectory(prefix="escriba-deployed-") as folder,
        Upstream(key=KEY, recognise=recognise) as upstream,
    ):
        emulator = Emulator(Path(folder), AUTH="true").start()
        try:
            put_secrets(emulator, {"groq-api-key": KEY, "page-password": password})
            deployed = deploy(emulator, {"GROQ_BASE_URL": upstream.url}, {"PagePassword": "yes"})
            print(f"{deployed.api}/", flush=True)
            sys.stdin.readline()
            may_answer.set()
            sys.stdin.read()
        finally:
            may_answer.set()
            emulator.stop()


if __name__ == "__main__":
    main(sys.argv[1])
