"""A server whose page has a password: what it opens, for whom, and until when."""

from __future__ import annotations

from typing import Any

import httpx

from tests.media import Media
from tests.replies import transcription
from tests.server import Server
from tests.upstream import Upstream

PASSWORD, OTHER = "cuatro palabras al azar", "otras cuatro palabras"
WORDS = "lo que se dijo"
FIRST, SECOND = "1" * 32, "2" * 32


def sign_in(server: Server, password: str, browser: str) -> dict[str, str]:
    answer = httpx.post(f"{server.url}/sign-in", json={"password": password, "browser": browser})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["error"]["code"])


def test_the_password_opens_the_page_to_each_browser_for_itself(media: Media, tmp_path: Any) -> None:
    recording = media.ffmpeg("-f lavfi -i sine=440:d=2 -b:a 32k", media.folder / "password.mp3").read_bytes()
    with Upstream(recognise=lambda _: transcription(WORDS, duration=2.0)) as engine:
        settings = {"GROQ_BASE_URL": engine.url, "CACHE_MB": "0"}
        with Server(tmp_path / "data", PAGE_PASSWORD=PASSWORD, **settings) as server:
            limits = httpx.get(f"{server.url}/limits").json()
            assert (limits["keys"], limits["signIn"]) == ("required", ["password"])
            files = {"file": ("a.mp3", recording)}
            assert code_of(httpx.post(f"{server.url}/transcribe", files=files)) == (401, "key_missing")
            mine, others = sign_in(server, PASSWORD, FIRST), sign_in(server, PASSWORD, SECOND)
            job_id = httpx.post(f"{server.url}/transcribe-job", files=files, headers=mine).json()["jobId"]
            job = f"/job/{job_id}"
            assert httpx.get(f"{server.url}{job}?wait=25", headers=mine, timeout=60).status_code == 200
            assert code_of(httpx.get(f"{server.url}{job}", headers=others)) == (404, "job_not_found")
            for path in ("/admin/keys", "/admin/jobs", "/metrics"):
                assert code_of(httpx.get(server.url + path, headers=mine)) == (403, "scope_missing")
            assert code_of(httpx.post(f"{server.url}/tokens", headers=mine, json={})) == (401, "key_missing")

            renewed = httpx.post(f"{server.url}/sign-in", json={}, headers=mine)
            next_token = {"Authorization": f"Bearer {renewed.json()['token']}"}
            assert httpx.get(f"{server.url}{job}", headers=next_token).status_code == 200
            assert 43_000 < renewed.json()["expiresIn"] <= 43_200
            assert code_of(httpx.post(f"{server.url}/sign-in", json={})) == (401, "session_missing")
            assert PASSWORD not in server.log

        with Server(tmp_path / "data", PAGE_PASSWORD=OTHER, **settings) as server:
            assert code_of(httpx.get(f"{server.url}{job}", headers=mine)) == (401, "key_invalid")
            again = sign_in(server, OTHER, FIRST)
            assert WORDS in httpx.get(f"{server.url}{job}?wait=25", headers=again, timeout=60).text
            _guess_until_refused(server)


def _guess_until_refused(server: Server) -> None:
    """Programs of this machine are counted, too."""
    with httpx.Client(base_url=server.url) as client:
        guess = {"password": "a guess", "browser": FIRST}
        answers = [client.post("/sign-in", json=guess) for _ in range(11)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert code_of(refused) == (429, "too_many_guesses")
        assert 1 <= int(refused.headers["retry-after"]) <= 7
        assert {answer.status_code for answer in answers} == {401, 429}
        right = client.post("/sign-in", json={"password": OTHER, "browser": FIRST})
        assert right.status_code == 429
        for body in ({"password": OTHER}, {"password": OTHER, "browser": "short"}, {"pasword": OTHER}):
            assert client.post("/sign-in", json=body).status_code in {400, 422}


def test_a_server_without_a_password_says_so(tmp_path: Any) -> None:
    with Server(tmp_path / "data", GROQ_BASE_URL="http://127.0.0.1:9") as server:
        answer = httpx.post(f"{server.url}/sign-in", json={"password": PASSWORD, "browser": FIRST})
        assert code_of(answer) == (404, "password_off")
