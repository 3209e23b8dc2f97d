"""GET /limits on both deployment targets."""

from __future__ import annotations

from tests.endpoints.targets import Targets


def test_a_page_learns_the_limits_without_a_key_and_asks_again_in_vain(targets: Targets) -> None:
    answer = targets("GET", "/limits")
    report = answer.json()
    assert answer.status == 200
    assert (report["engine"], report["keys"]) == ("groq", "none")
    assert (report["maxUploadBytes"], report["maxAudioSeconds"]) == (3 * 1024 * 1024, 3600)
    assert {"mp3", "m4a", "webm"} <= set(report["extensions"])
    assert {"es", "en", "haw"} <= set(report["languages"])
    assert report["convexUrl"] is None
    assert "max-age" in answer.headers["cache-control"]
    again = targets("GET", "/limits", compare=False, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
