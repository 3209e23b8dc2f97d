"""The page on both deployment targets: who gets it, and how long a browser may keep its files."""

from __future__ import annotations

import gzip
import json
import re
import struct

import httpx
import pytest

from tests.endpoints.targets import Targets, through_lambda

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "identity"}


def test_a_browser_gets_the_page(targets: Targets) -> None:
    page = targets("GET", "/", headers=BROWSER)
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["vary"].startswith("Accept, Accept-Encoding")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert b'<script type="module" src="page/' in page.body
    assert targets("HEAD", "/", headers=BROWSER).status == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json"], ids=["curl", "json"])
def test_a_program_is_sent_to_the_documents(targets: Targets, accept: str) -> None:
    answer = targets("GET", "/", headers={"Accept": accept}, compare=False)
    assert (answer.status, answer.headers["location"]) == (307, "/docs")


def test_the_address_of_the_dashboard_leads_to_that_view_of_the_page(targets: Targets) -> None:
    answer = targets("GET", "/admin", headers=BROWSER, compare=False)
    assert (answer.status, answer.headers["location"]) == (307, "/#/admin")


def test_a_share_that_no_service_worker_takes_leads_to_the_page_which_says_so(targets: Targets) -> None:
    form = {"files": {"recordings": ("a.mp3", b"x", "audio/mpeg")}}
    answer = targets("POST", "/share-target", compare=False, **form)
    assert (answer.status, answer.headers["location"]) == (303, "/?shared=lost")


def test_what_the_page_loads_is_there_and_known_again(targets: Targets) -> None:
    html = targets("GET", "/", headers=BROWSER).body.decode()
    names = re.findall(r'(?:src|href)="page/([^"]+)"', html)
    assert len(names) >= 4
    for name in names:
        file = targets("GET", f"/page/{name}", headers=BROWSER)
        assert file.status == 200
        cache = file.headers["cache-control"]
        assert cache == ("public, max-age=31536000, immutable" if "-" in name else "no-cache")
        assert file.headers["x-content-type-options"] == "nosniff"
        known = {**BROWSER, "If-None-Match": file.headers["etag"]}
        assert targets("GET", f"/page/{name}", headers=known).status == 304


def test_the_service_worker_stands_beside_the_page_and_is_asked_for_each_time(targets: Targets) -> None:
    worker = targets("GET", "/sw.js", headers=BROWSER)
    assert worker.status == 200
    assert worker.headers["content-type"] == "text/javascript; charset=utf-8"
    assert worker.headers["cache-control"] == "no-cache"
    assert "script-src 'self'" in worker.headers["content-security-policy"]
    known = {**BROWSER, "If-None-Match": worker.headers["etag"]}
    assert targets("GET", "/sw.js", headers=known).status == 304


def test_the_manifest_names_icons_of_the_sizes_that_it_says(targets: Targets) -> None:
    manifest = json.loads(targets("GET", "/page/manifest.webmanifest", headers=BROWSER).body)
    icons = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert {icon["sizes"] for icon in icons} == {"192x192", "512x512"}
    assert [icon.get("purpose") for icon in icons].count("maskable") == 1
    for icon in icons:
        image = targets("GET", f"/page/{icon['src']}", headers=BROWSER)
        assert (image.status, image.headers["content-type"]) == (200, "image/png")
        assert (
            "{}x{}".format(*struct.unpack(">II", image.body[16:24])) == icon["sizes"]
        )  # the header of a PNG


def test_a_file_comes_compressed_through_lambda_too(targets: Targets) -> None:
    request = httpx.Request(
        "GET", f"{targets.server.url}/", headers={**BROWSER, "Accept-Encoding": "gzip, deflate"}
    )
    answer = through_lambda(request)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == targets("GET", "/", headers=BROWSER).body


@pytest.mark.parametrize("name", ["index.html", "app-0.js", "app.py", "..%2Fpage_content.py"])
def test_nothing_else_is_served(targets: Targets, name: str) -> None:
    answer = targets("GET", f"/page/{name}", compare=False)
    assert (answer.status, answer.code) == (404, "not_found")
