"""`make dev-cluster`: a Postgres, an S3 server and two instances behind one port, to kill one and look.

A connection goes to the instances in turn, to the next one where one does not answer. An instance that ended
starts again after some seconds, with an empty disk. Ctrl-C ends everything, and nothing is kept.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path

from tests.postgres import postgres
from tests.s3_server import s3_server
from tests.server import ROOT, free_port

INSTANCES = 2
_PAUSE = 5.0  # seconds without an instance, to look at the others
_BLOCK = 64 * 1024


class Instance:
    """A server with a disk of its own."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        self.port = free_port()
        self._name = name
        self._folder = folder
        self._settings = {**settings, "PORT": str(self.port), "DATA_DIR": str(folder)}

    async def keep_running(self) -> None:
        while True:
            shutil.rmtree(self._folder, ignore_errors=True)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "local_server.py", cwd=ROOT, env=self._settings, stdout=subprocess.DEVNULL
            )
            print(f"{self._name}: process {process.pid}, port {self.port}. To kill it: kill -9 {process.pid}")
            try:
                code = await process.wait()
            finally:
                if process.returncode is None:
                    process.terminate()
                    await process.wait()
            print(f"{self._name}: ended with {code}; it starts again in {_PAUSE:g} s, with an empty disk")
            await asyncio.sleep(_PAUSE)


class Balancer:
    """Passes connections on, without a look into them."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._turn = count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await self._connect()
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for at in range(len(self._ports)):
            with suppress(OSError):
                return await asyncio.open_connection(
                    "127.0.0.1", self._ports[(first + at) % len(self._ports)]
                )
        raise OSError("no instance answers")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
    writer.close()


def shared_settings() -> dict[str, str]:
    """Those of this process, and where the database and the bucket are that were started now."""
    bucket = s3_server()
    return {**os.environ, "DATABASE_URL": postgres().database(), **bucket.environment(bucket.new_prefix())}


async def serve(settings: dict[str, str]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="escriba-cluster-"))
    instances = [Instance(f"instance {at + 1}", folder / str(at), settings) for at in range(INSTANCES)]
    port = int(os.environ.get("PORT") or 8000)
    balancer = Balancer([instance.port for instance in instances])
    try:
        async with (
            await asyncio.start_server(balancer.serve, "127.0.0.1", port),
            asyncio.TaskGroup() as group,
        ):
            print(f"http://127.0.0.1:{port} reaches {INSTANCES} instances. Ctrl-C ends them.")
            for instance in instances:
                group.create_task(instance.keep_running())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(shared_settings()))
