"""Reads the command and its environment: what to transcribe, how, and by which server."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from escriba.sentences import Sentences, locale_language

FORMATS = ("txt", "srt", "vtt", "ttml", "ass", "tsv", "rttm", "json")
_SUBTITLES = frozenset({"srt", "vtt", "ttml", "ass"})
STANDARD = "-"  # standard input, or standard output
_MOST_AT_ONCE = 16


class CommandInvalid(Exception):
    """The command or its environment is wrong; the sentence says how."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """One command, checked. `output` is None for files beside the recordings."""

    files: tuple[str, ...]
    formats: tuple[str, ...]
    options: dict[str, str]  # as POST /transcribe-job takes them
    word_times: bool  # in formats that can show the time of each word
    output: str | None
    force: bool
    at_once: int
    as_json: bool
    quiet: bool
    url: str | None
    key: str | None = field(repr=False)
    state: Path  # folder of what must survive this command
    say: Sentences


def read_arguments(words: Sequence[str] | None, environment: Mapping[str, str] = os.environ) -> Arguments:
    """Raises CommandInvalid; ends the process for --help and for what argparse refuses."""
    say = Sentences(locale_language(environment))
    parsed = _parser(say).parse_args(words)
    formats = tuple(dict.fromkeys(name.strip().lower() for name in parsed.to.split(",") if name.strip()))
    arguments = Arguments(
        files=tuple(dict.fromkeys(parsed.files)),
        formats=formats,
        options=_options(parsed, formats),
        word_times=parsed.words,
        output=STANDARD if parsed.files == [STANDARD] and not parsed.output else parsed.output,
        force=parsed.force,
        at_once=parsed.at_once,
        as_json=parsed.json,
        quiet=parsed.quiet,
        url=environment.get("ESCRIBA_URL", "").strip().rstrip("/") or None,
        key=environment.get("ESCRIBA_KEY", "").strip() or None,
        state=_state_folder(environment),
        say=say,
    )
    if problem := _problem(arguments):
        raise CommandInvalid(problem)
    return arguments


def _parser(say: Sentences) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="escriba", description=say("description"))
    parser.add_argument("files", nargs="*", metavar="FILE", help=say("help_files"))
    parser.add_argument("--to", default="txt", metavar="FORMAT", help=say("help_to"))
    parser.add_argument("--language", metavar="NAME", help=say("help_language"))
    parser.add_argument("--prompt", metavar="TEXT", help=say("help_prompt"))
    parser.add_argument("--translate", action="store_true", help=say("help_translate"))
    parser.add_argument("--speakers", metavar="NUMBER", help=say("help_speakers"))
    parser.add_argument("--words", action="store_true", help=say("help_words"))
    parser.add_argument("-o", "--output", metavar="FOLDER", help=say("help_output"))
    parser.add_argument("--force", action="store_true", help=say("help_force"))
    parser.add_argument("--at-once", type=int, default=3, metavar="N", help=say("help_at_once"))
    parser.add_argument("--json", action="store_true", help=say("help_json"))
    parser.add_argument("--quiet", action="store_true", help=say("help_quiet"))
    return parser


def _options(parsed: argparse.Namespace, formats: tuple[str, ...]) -> dict[str, str]:
    """Subtitles begin at words, so they need the words' times; of a translation no engine knows them."""
    wants_words = (parsed.words or _SUBTITLES & set(formats)) and not parsed.translate
    options = {
        "language": parsed.language,
        "prompt": parsed.prompt,
        "speakers": parsed.speakers,
        "task": "translate" if parsed.translate else None,
        "timestamps": "segment,word" if wants_words else None,
    }
    return {name: value for name, value in options.items() if value}


def _problem(arguments: Arguments) -> str | None:
    """The first thing that is wrong."""
    say, url, key = arguments.say, urlsplit(arguments.url or "http://a"), arguments.key or ""
    unknown = ", ".join(name for name in arguments.formats if name not in FORMATS)
    to_standard = arguments.output == STANDARD or STANDARD in arguments.files
    is_single = len(arguments.files) == len(arguments.formats) == 1 and not arguments.as_json
    faults = {
        "no_files": not arguments.files,
        "wrong_format": bool(unknown) or not arguments.formats,
        "no_speakers": "rttm" in arguments.formats and "speakers" not in arguments.options,
        "wrong_number": not 1 <= arguments.at_once <= _MOST_AT_ONCE,
        "one_to_standard_output": to_standard and not is_single,
        "wrong_url": url.scheme not in {"http", "https"} or not url.netloc,
        "wrong_key": not (key.isascii() and key.isprintable()),
    }
    return next((say(name, value=unknown or "''") for name, is_wrong in faults.items() if is_wrong), None)


def _state_folder(environment: Mapping[str, str]) -> Path:
    """https://specifications.freedesktop.org/basedir-spec/latest/"""
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "escriba"
