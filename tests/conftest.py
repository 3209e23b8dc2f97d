"""What every test may rely on: `async def` tests run, each in an event loop of its own."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from httpx._transports import default as _default

from tests.closing import close_all
from tests.media import Media
from tests.upstream import KEY, Upstream

# The threads of OpenBLAS wait in loops for each other: on busy cores several take four times the CPU of one.
# It is read when numpy is imported, which no module above does.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A client of httpx reads the authorities that TLS trusts, which takes 40 ms of CPU, and each `httpx.get` is a
# client: tests that look until something is there would take a processor for it.
_default.create_ssl_context = functools.cache(_default.create_ssl_context)  # type: ignore[attr-defined]

# The same examples in every run: what CI finds, anybody finds. `--hypothesis-seed` explores further.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("steady")


# Modules that run for longest, the longest first.
LONGEST = (
    "acceptance/test_long.py",
    "contract/test_job_store_model.py",
    "acceptance/test_speakers_later.py",
    "unit/test_split.py",
    "acceptance/test_speech.py",
    "unit/test_whisper_app.py",
    "aws/test_runtime_client.py",
    "unit/test_recogniser.py",
    "aws/test_template.py",
    "acceptance/test_crashes.py",
    "acceptance/test_openapi.py",
    "endpoints/test_transcribe.py",
    "acceptance/test_convex.py",
    "acceptance/test_speakers.py",
    "acceptance/test_two_hours.py",
    "acceptance/test_engine_faults.py",
    "aws/test_speakers_later.py",
    "aws/test_speakers.py",
    "sdk/test_clients.py",
    "acceptance/test_shutdown.py",
    "acceptance/test_store_faults.py",
    "acceptance/test_instances_killed.py",
    "aws/test_deliveries.py",
    "acceptance/test_access.py",
    "acceptance/test_bucket_away.py",
    "acceptance/test_database_away.py",
    "acceptance/test_instances.py",
    "acceptance/test_hostile.py",
    "unit/test_voices.py",
)
_TESTS = Path(__file__).parent


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that run for longest: no worker is left with one when the others are done."""
    places = {(_TESTS / name).resolve(strict=True): place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        # Tracing triples the CPU of thousands of examples; single examples run the same lines.
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def` tests without a plugin to keep up with."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(_run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted})))
    return True


async def _run(test: Coroutine[Any, Any, None]) -> None:
    try:
        await test
    finally:
        await close_all()


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder for `tempfile` that no other process uses: a function on Lambda empties it as it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("tmp")))
        yield


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    """Recordings of every kind, good and hostile, each made when first asked for."""
    return Media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[Upstream]:
    with Upstream(key=KEY) as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: Upstream) -> Upstream:
    """The stand-in for Groq that asks for KEY, with nothing scripted and nothing seen."""
    upstream_server.reset()
    upstream_server.key = KEY
    return upstream_server
