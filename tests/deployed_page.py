"""`python -m tests.deployed_page`: template.yaml deployed to the emulator, for a browser that opens its page.

It prints the page's address, and ends when its input does. Who opens the page signs in with PASSWORD; the engine is
the stand-in for Groq.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from tests.deployed import deploy, put_secrets
from tests.emulator import Emulator
from tests.upstream import KEY, Upstream


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="escriba-deployed-") as folder, Upstream(key=KEY) as upstream:
        emulator = Emulator(Path(folder), AUTH="true").start()
        try:
            secrets = {"groq-api-key": KEY, "admin-key": "a" * 32, "page-password": os.environ["PASSWORD"]}
            put_secrets(emulator, secrets)
            settings = {"AccessKeys": "yes", "PagePassword": "yes"}
            deployed = deploy(emulator, {"GROQ_BASE_URL": upstream.url}, settings)
            print(f"{deployed.api}/", flush=True)
            sys.stdin.read()
        finally:
            emulator.stop()


if __name__ == "__main__":
    main()
