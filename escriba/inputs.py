"""Finds the recordings that a command names, and leaves out those that have their files already."""

from __future__ import annotations

from pathlib import Path

from escriba.arguments import STANDARD, Arguments
from escriba.files import copy_standard_input
from escriba.plan import Recording, plan_outputs, recordings_in
from escriba.results import Results


def find_recordings(arguments: Arguments, folder: Path, results: Results) -> list[Recording]:
    """Those that are still to be transcribed; `folder` keeps what comes from standard input."""
    to_standard = arguments.output == STANDARD
    home = None if to_standard or arguments.output is None else Path(arguments.output)
    paths = [path for name in arguments.files for path in _paths(name, arguments, folder, results)]
    recordings = plan_outputs(list(dict.fromkeys(paths)), arguments.formats, home)
    return [recording for recording in recordings if to_standard or _has_work(recording, arguments, results)]


def _paths(name: str, arguments: Arguments, folder: Path, results: Results) -> list[Path]:
    path = Path(name)
    if name == STANDARD:
        return [copy_standard_input(folder)]
    if path.is_file():
        return [path]
    found = recordings_in(path) if path.is_dir() else []
    if not found:
        problem = "no_recordings" if path.is_dir() else "not_a_file" if path.exists() else "not_found"
        results.failed(name, problem, arguments.say(problem))
    return found


def _has_work(recording: Recording, arguments: Arguments, results: Results) -> bool:
    if recording.path in recording.outputs.values():
        results.failed(str(recording.path), "own_output", arguments.say("own_output"))
        return False
    if arguments.force or recording.missing():
        return True
    results.skipped(recording)
    return False
