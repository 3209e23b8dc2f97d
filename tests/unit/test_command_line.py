"""What the command decides without a server: its arguments, the names of its files, the ids of its jobs."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from escriba.arguments import read_arguments
from escriba.files import user_secret, write_whole
from escriba.plan import job_id_of, plan_outputs, recordings_in
from escriba.sentences import _SENTENCES, locale_language
from tests.server import ROOT


def outputs(*names: str, folder: Path | None = None) -> list[str]:
    planned = plan_outputs([Path(name) for name in names], ["srt"], folder)
    return [str(recording.outputs["srt"]) for recording in planned]


def test_files_come_beside_the_recordings_or_into_one_folder() -> None:
    assert outputs("a/interview.m4a", "b.tar.wav") == ["a/interview.srt", "b.tar.srt"]
    assert outputs("a/interview.m4a", folder=Path("out")) == ["out/interview.srt"]


def test_two_recordings_never_have_one_file() -> None:
    assert outputs("a.mp3", "a.m4a", "b/a.mp3") == ["a.mp3.srt", "a.m4a.srt", "b/a.srt"]
    assert outputs("a/x.mp3", "b/x.ogg", folder=Path("o")) == ["o/x.mp3.srt", "o/x.ogg.srt"]
    same = outputs("a/x.mp3", "b/x.mp3", "c/x.mp3", folder=Path("o"))
    assert len(set(same)) == 3


def test_a_folder_is_searched_for_recordings_alone(tmp_path: Path) -> None:
    for name in ("b.MP3", "a.opus", "notes.txt", ".hidden.mp3", "c.srt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    assert [path.name for path in recordings_in(tmp_path)] == ["a.opus", "b.MP3"]


def test_a_job_has_the_same_id_for_the_same_bytes_options_and_user() -> None:
    ids = {
        job_id_of("abc", {"language": "es", "task": "translate"}, b"s"),
        job_id_of("abc", {"task": "translate", "language": "es"}, b"s"),
    }
    assert len(ids) == 1
    ids.add(job_id_of("abd", {"language": "es", "task": "translate"}, b"s"))
    ids.add(job_id_of("abc", {"language": "en", "task": "translate"}, b"s"))
    ids.add(job_id_of("abc", {"language": "es", "task": "translate"}, b"t"))
    assert len(ids) == 4
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", i) for i in ids
    )


def test_the_secret_is_made_once_and_is_the_user_s_alone(tmp_path: Path) -> None:
    secret = user_secret(tmp_path / "state")
    assert len(secret) == 32
    assert user_secret(tmp_path / "state") == secret
    assert (tmp_path / "state" / "secret").stat().st_mode & 0o777 == 0o600
    (tmp_path / "state" / "secret").write_bytes(b"cut off")
    assert len(user_secret(tmp_path / "state")) == 32


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.txt", b"hola")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"hola")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert list(tmp_path.parent.glob(".*.part")) == []


def test_subtitles_need_word_times_but_a_translation_has_none() -> None:
    environment = {"XDG_STATE_HOME": "/s"}
    assert read_arguments(["a.mp3", "--to", "srt, TXT"], environment).options == {
        "timestamps": "segment,word"
    }
    assert read_arguments(["a.mp3", "--to", "srt", "--translate"], environment).options == {
        "task": "translate"
    }
    assert read_arguments(["a.mp3", "--to", "txt,txt"], environment).formats == ("txt",)
    assert read_arguments(["a.mp3"], environment).state == Path("/s/escriba")


def test_the_key_is_not_shown() -> None:
    assert "escriba_1" not in repr(read_arguments(["a.mp3"], {"ESCRIBA_KEY": "escriba_1", "HOME": "/h"}))


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "es_ES.UTF-8"}, "es"),
        ({"LANG": "es_ES", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "es_MX"}, "es"),
    ],
)
def test_the_locale_decides_the_language(environment: dict[str, str], language: str) -> None:
    assert locale_language(environment) == language


@pytest.mark.parametrize("name", sorted(_SENTENCES))
def test_every_sentence_says_the_same_in_both_languages(name: str) -> None:
    english, spanish = (set(re.findall(r"{(\w+)}", sentence)) for sentence in _SENTENCES[name])
    assert english == spanish


def test_the_command_is_installed_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, function = project["scripts"]["escriba"].partition(":")
    assert callable(getattr(import_module(module), function))
    assert project["optional-dependencies"]["cli"]
