"""The command `escriba` as people run it: a process of its own, killed midway, in pipes and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import srt  # type: ignore[import-untyped]

from tests.acceptance.api import everything_below, files_below
from tests.conversation import make_conversation
from tests.media import Media
from tests.recordings import ENGLISH_SHORT, word_error_rate
from tests.replies import Reply, transcription
from tests.server import ROOT, Server, free_port
from tests.serving import wait_until
from tests.upstream import Upstream

Command = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(autouse=True)
def _reset(engine: Upstream) -> None:
    engine.reset()


@pytest.fixture(scope="module")
def server(engine: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"GROQ_API_KEY": "gsk_" + "s" * 40, "GROQ_BASE_URL": engine.url, "LOG_LEVEL": "WARNING"}
    settings["SPEAKERS_LATER"] = "true"
    with Server(tmp_path_factory.mktemp("command") / "data", **settings) as running:
        yield running


@pytest.fixture
def interviews(tmp_path: Path, media: Media) -> Path:
    """A folder of six recordings, each unlike the others, and a note that is none."""
    folder = tmp_path / "interviews"
    folder.mkdir()
    for pitch in range(200, 800, 100):
        media.ffmpeg(f"-f lavfi -i sine={pitch}:r=16000:d=1", folder / f"{pitch}.flac")
    (folder / "notes.txt").write_text("not a recording")
    return folder


@pytest.fixture
def start(tmp_path: Path, server: Server) -> Iterator[Command]:
    """Start the command; by default it uses `server`. Every process it leaves is killed after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*words: object, url: str | None = server.url, **how: Any) -> subprocess.Popen[bytes]:
        environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path / "state")}
        environment |= {"ESCRIBA_URL": url} if url else {}
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, "-W", "error", "-m", "escriba", *map(str, words)]
        settings = environment | how.pop("environment", {})
        how = pipes | how
        how["preexec_fn"] = _take_interrupts
        process = subprocess.Popen(command, cwd=ROOT, env=settings, **how)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        with process:  # waits, and closes its pipes
            pass


def _take_interrupts() -> None:
    """Programs that a shell runs in the background ignore Ctrl-C, and so do those that they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out.decode(), err.decode()


def hold_after(count: int, release: threading.Event) -> Callable[[bytes], Reply]:
    """The engine answers so many recordings at once; the others when it is released."""
    left, lock = [count], threading.Lock()

    def recognise(_: bytes) -> Reply:
        with lock:
            left[0] -= 1
        if left[0] < 0:
            release.wait(60)
        return transcription("hola qué tal")

    return recognise


def times_recognised(engine: Upstream) -> set[int]:
    return set(Counter(seen.form.sha256 for seen in engine.requests).values())


# ── killed midway ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("blow", "own_server"),
    [(signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGKILL, True), (signal.SIGINT, True)],
    ids=["SIGKILL", "SIGTERM", "SIGKILL-own-server", "SIGINT-own-server"],
)
def test_killed_midway_and_started_again_each_recording_is_transcribed_once(
    blow: signal.Signals, own_server: bool, start: Command, interviews: Path, engine: Upstream, tmp_path: Path
) -> None:
    release = threading.Event()
    engine.recognise = hold_after(2, release)
    how: dict[str, Any] = {}
    if own_server:
        environment = {"GROQ_API_KEY": "gsk_" + "s" * 40, "GROQ_BASE_URL": engine.url}
        how = {"url": None, "environment": environment}
    first = start(interviews, "--to", "srt", "--language", "es", **how)
    wait_until(lambda: len(list(interviews.glob("*.srt"))) == 2 and len(engine.requests) > 2)
    children = psutil.Process(first.pid).children(recursive=True)
    assert bool(children) == own_server
    first.send_signal(blow)
    release.set()
    code, _, err = finish(first)
    if blow is not signal.SIGKILL:
        assert code == 130
        assert "goes on" in err
    assert len(list(interviews.glob("*.srt"))) < 6
    code, _, err = finish(start(interviews, "--to", "srt", "--language", "es", **how))
    assert code == 0, err
    assert err.count("exists already") >= 2
    assert {path.name for path in everything_below(interviews)} == {
        "notes.txt",
        *(f"{pitch}.{ending}" for pitch in range(200, 800, 100) for ending in ("flac", "srt")),
    }
    assert len({seen.form.sha256 for seen in engine.requests}) == 6
    assert times_recognised(engine) == {1}
    wait_until(lambda: not any(child.is_running() for child in children))
    if own_server:
        assert files_below(tmp_path / "state" / "escriba" / "server-1" / "data") == []


def test_two_commands_at_once_each_have_a_server_of_their_own(
    start: Command, interviews: Path, engine: Upstream, tmp_path: Path
) -> None:
    environment = {"GROQ_API_KEY": "gsk_" + "s" * 40, "GROQ_BASE_URL": engine.url}
    both = [
        start(interviews / f"{pitch}.flac", url=None, environment=environment, stdin=subprocess.DEVNULL)
        for pitch in (200, 300)
    ]
    assert [process.wait(120) for process in both] == [0, 0]
    assert len(list(interviews.glob("*00.txt"))) == 2


# ── pipes, JSON, a terminal ───────────────────────────────────────────────────────────────────────


def test_a_pipe_goes_in_and_subtitles_come_out(start: Command, engine: Upstream) -> None:
    engine.default = transcription("hola qué tal")
    code, out, err = finish(start("-", "--to", "srt", "--quiet"), ENGLISH_SHORT.path.read_bytes())
    assert (code, err) == (0, "")
    assert [cue.content for cue in srt.parse(out)] == ["hola qué tal"]


def test_json_has_a_line_for_each_recording(start: Command, interviews: Path, engine: Upstream) -> None:
    (interviews / "broken.mp3").write_bytes(b"no audio" * 99)
    (interviews / "300.wav").write_bytes((interviews / "200.flac").read_bytes())
    (interviews / "200.txt").write_text("mine")
    code, out, _ = finish(start(interviews, "gone.mp3", "--json", environment={"LANG": "es_ES.UTF-8"}))
    assert code == 1
    lines = {Path(line["file"]).name: line for line in map(json.loads, out.splitlines())}
    assert lines["400.flac"]["outputs"] == {"txt": str(interviews / "400.txt")}
    assert lines["200.flac"]["status"] == "skipped"
    assert (interviews / "200.txt").read_text() == "mine"
    assert lines["300.wav"]["outputs"] == {"txt": str(interviews / "300.wav.txt")}
    assert (interviews / "300.flac.txt").read_text().startswith("heard ")
    assert lines["broken.mp3"]["error"]["code"] == "audio_unreadable"
    assert "no es audio" in lines["broken.mp3"]["error"]["message"]
    assert "Envía mp3" in lines["broken.mp3"]["error"]["hint"]
    assert lines["gone.mp3"]["error"] == {"code": "not_found", "message": "No existe ese archivo."}
    assert times_recognised(engine) == {1}


def test_a_job_that_failed_is_tried_again_by_the_next_command(
    start: Command, interviews: Path, engine: Upstream
) -> None:
    recording = interviews / "200.flac"
    engine.script.extend([Reply(status=401, body={"error": {"message": "Invalid API Key"}})] * 4)
    code, _, err = finish(start(recording))
    assert code == 1
    assert "200.flac: " in err
    engine.script.clear()
    assert finish(start(recording))[0] == 0
    assert (interviews / "200.txt").read_text().startswith("heard ")


def test_on_a_terminal_there_is_a_bar_for_each_recording_and_one_for_all(
    start: Command, interviews: Path, engine: Upstream
) -> None:
    engine.recognise = hold_after(6, threading.Event())
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    process = start(interviews, stderr=terminal, stdin=subprocess.DEVNULL)
    os.close(terminal)
    drawn = b""
    while True:
        try:
            block = os.read(controller, 65536)
        except OSError:  # the other side is closed
            break
        drawn += block
    os.close(controller)
    assert process.wait(60) == 0
    shown = drawn.decode()
    assert all(f"{pitch}.flac" in shown for pitch in range(200, 800, 100))
    assert "sending" in shown
    assert "6 / 6" in shown


def test_files_have_their_speakers_also_where_these_come_after_the_text(
    start: Command, engine: Upstream, tmp_path: Path
) -> None:
    conversation = make_conversation(tmp_path)
    engine.default = conversation.reply()
    code, _, err = finish(start(conversation.path, "--to", "json,rttm", "--speakers", "2"))
    assert code == 0, err
    text = json.loads(conversation.path.with_suffix(".json").read_text())
    assert [turn["speaker"] for turn in text["turns"]] == list("ABABAB")
    lines = [line.split() for line in conversation.path.with_suffix(".rttm").read_text().splitlines()]
    assert [(line[7], float(line[3])) for line in lines] == [
        (turn["speaker"], turn["start"]) for turn in text["turns"]
    ]


# ── what may be wrong ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "environment", "code", "says"),
    [
        ([], {}, 2, "Name at least one recording."),
        ([], {"LANG": "en_US", "LC_ALL": "es_MX.UTF-8"}, 2, "Nombra al menos una grabación."),
        (["a.mp3", "--to", "docx"], {}, 2, "not docx"),
        (["-", "--json"], {}, 2, "one recording in one format"),
        (["a.mp3", "--to", "rttm"], {}, 2, "--speakers"),
        (["a.mp3", "--at-once", "0"], {}, 2, "1 to 16"),
        (["a.mp3"], {"ESCRIBA_URL": "ftp://a"}, 2, "http://"),
        (["a.mp3"], {"ESCRIBA_KEY": "schlüssel"}, 2, "ESCRIBA_KEY"),
        (["a.mp3"], {}, 1, "a.mp3: There is no such file."),
    ],
    ids=["no-file", "spanish", "format", "pipe-and-json", "rttm", "number", "url", "key", "missing"],
)
def test_a_wrong_command_says_what_is_wrong(
    words: list[str], environment: dict[str, str], code: int, says: str, start: Command
) -> None:
    ended, out, err = finish(start(*words, environment=environment))
    assert (ended, out) == (code, "")
    assert says in err
    assert "Traceback" not in err


def test_without_a_server_at_the_address_the_exit_code_is_3(start: Command) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, _, err = finish(start(ENGLISH_SHORT.path, url=url))
    assert code == 3
    assert f"The server at {url} does not answer" in err


def test_without_server_and_engine_it_says_what_to_install(start: Command, tmp_path: Path) -> None:
    # Python imports this module at its start: the engine's library counts as not installed.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['faster_whisper'] = None\n")
    process = start(ENGLISH_SHORT.path, url=None, environment={"PYTHONPATH": str(tmp_path)})
    code, out, err = finish(process)
    assert (code, out) == (3, "")
    assert "pip install '.[cli,local]'" in err


def test_the_key_is_sent_as_a_bearer(start: Command, interviews: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    # A server of a few lines that writes down what it is asked: the real one accepts any key.
    program = (
        "import http.server, pathlib, sys\n"
        "class Ask(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        pathlib.Path(sys.argv[1]).write_text(str(self.headers['authorization']))\n"
        "        self.send_response(404); self.end_headers()\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), Ask)\n"
        "print(server.server_port, flush=True)\n"
        "server.handle_request()\n"
    )
    listener = subprocess.Popen([sys.executable, "-c", program, str(seen)], stdout=subprocess.PIPE)
    assert listener.stdout
    url = f"http://127.0.0.1:{int(listener.stdout.readline())}"
    code, _, err = finish(start(interviews, url=url, environment={"ESCRIBA_KEY": "escriba_abc"}))
    assert (code, seen.read_text()) == (3, "Bearer escriba_abc")
    assert "escriba_abc" not in err
    listener.stdout.close()
    listener.wait(10)


# ── the embedded engine ───────────────────────────────────────────────────────────────────────────


def test_without_a_server_the_embedded_engine_transcribes(start: Command, tmp_path: Path) -> None:
    recording = tmp_path / "speech.wav"
    recording.write_bytes(ENGLISH_SHORT.path.read_bytes())
    code, _, err = finish(start(recording, "--to", "txt,json,vtt", "--words", url=None))
    assert code == 0, err
    assert word_error_rate([ENGLISH_SHORT], [(tmp_path / "speech.txt").read_text()]) <= 0.15
    assert json.loads((tmp_path / "speech.json").read_text())["words"]
    assert re.search(r"\w <00:00:0", (tmp_path / "speech.vtt").read_text())
    assert files_below(tmp_path / "state" / "escriba" / "server-1" / "data") == []
