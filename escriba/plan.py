"""Decides what a command has to do: which recordings, which files they become, and the id of each job."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

# What a folder is searched for; files that are named are sent whatever they are called.
_SUFFIXES = re.compile(
    r"\.(3gp|aac|ac3|aiff?|amr|au|avi|caf|dts|eac3|flac|flv|m4[abv]|mk[av]|mov|mp[234]|mpe?ga?|mts|og[ag]|opus"
    r"|ts|tta|wav|web[am]|wma|wv)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file to transcribe, and the files that its text goes to, by format."""

    path: Path
    outputs: Mapping[str, Path]

    def missing(self) -> dict[str, Path]:
        return {name: path for name, path in self.outputs.items() if not path.exists()}


def recordings_in(folder: Path) -> list[Path]:
    """The recordings in a folder, not below it, by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if _SUFFIXES.fullmatch(path.suffix) and not path.name.startswith(".") and path.is_file()
    )


def plan_outputs(paths: Sequence[Path], formats: Iterable[str], folder: Path | None) -> list[Recording]:
    """interview.m4a becomes interview.srt; where two recordings would, both keep their ending in the name."""
    formats = tuple(formats)
    stems = Counter((folder or path.parent, path.stem) for path in paths)
    taken: set[Path] = set()
    recordings = []
    for path in paths:
        home = folder or path.parent
        name = _free_name(home / (path.name if stems[home, path.stem] > 1 else path.stem), taken)
        recordings.append(Recording(path, {kind: home / f"{name}.{kind}" for kind in formats}))
    return recordings


def _free_name(wished: Path, taken: set[Path]) -> str:
    """The name, or the name and a number when recordings of several folders go into one."""
    names = (wished.with_name(f"{wished.name}-{number}") for number in count(2))
    free = wished if wished not in taken else next(name for name in names if name not in taken)
    taken.add(free)
    return free.name


def job_id_of(digest: str, options: Mapping[str, str], secret: bytes) -> str:
    """The same for the same bytes and options, so that a command that is repeated finds its jobs.

    An id opens its job, so nobody else can compute it: `secret` is this user's own.
    """
    identity = json.dumps([digest, sorted(options.items())]).encode()
    return str(uuid.UUID(bytes=hmac.digest(secret, identity, hashlib.sha256)[:16], version=4))
