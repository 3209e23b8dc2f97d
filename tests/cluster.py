"""Instances of one service: servers with disks of their own over one Postgres and one bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.postgres import Postgres, postgres, query
from tests.s3_server import s3_server
from tests.server import Server
from tests.upstream import Upstream


class Cluster:
    """`start` starts one more instance; each has a folder below `root`."""

    def __init__(
        self, root: Path, upstream: Upstream, settings: dict[str, str], *, server: Postgres | None = None
    ) -> None:
        self._root = root
        self.database = (server or postgres()).database()
        self.prefix = s3_server().new_prefix()
        self._settings = {
            "GROQ_BASE_URL": upstream.url,
            "LOG_LEVEL": "INFO",
            "DATABASE_URL": self.database,
            **s3_server().environment(self.prefix),
            **settings,
        }
        self.instances: list[Server] = []

    def start(self, **settings: str) -> Server:
        instance = Server(self._root / f"instance-{len(self.instances)}", **{**self._settings, **settings})
        self.instances.append(instance)
        return instance.start()

    def query(self, statement: str, *values: Any) -> list[Any]:
        return query(self.database, statement, *values)

    def recordings(self) -> list[str]:
        """What is in the bucket."""
        return s3_server().keys(self.prefix)

    def stop(self) -> None:
        for instance in self.instances:
            if instance.process is not None and instance.process.poll() is None:
                instance.kill()
