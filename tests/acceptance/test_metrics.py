"""Prometheus' side of a real conversation: what is scraped, by whom, and that dashboard and alerts use it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import promql_parser as promql
import pytest
import yaml
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from common.counters import BOUNDS
from tests.media import Media
from tests.receiver import Receiver
from tests.replies import bad_key, rate_limited, transcription
from tests.server import ROOT, Server
from tests.serving import wait_until
from tests.upstream import Upstream

ADMIN_KEY = "an admin key of at least 32 characters"
DASHBOARD = json.loads((ROOT / "docs/monitoring/dashboard.json").read_text())
ALERTS = yaml.safe_load((ROOT / "docs/monitoring/alerts.yaml").read_text())
# Prometheus adds these to each series that it scrapes.
OF_SCRAPE = {"job": "escriba", "instance": "here:8000"}


@dataclass
class Monitored:
    """A server with access keys on, after it has seen most of what can happen."""

    url: str
    key: str = ""
    text: str = ""
    series: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    values: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)

    def call(self, method: str, path: str, key: str | None = ADMIN_KEY, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= arguments.pop("headers", {})
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **arguments)

    def scrape(self) -> None:
        answer = self.call("GET", "/metrics", self.key)
        assert answer.status_code == 200, answer.text
        self.text, self.series, self.values = answer.text, {"up": [OF_SCRAPE]}, {}
        for family in parse(answer.text):
            for sample in family.samples:
                self.series.setdefault(sample.name, []).append(sample.labels | OF_SCRAPE)
                self.values[sample.name, frozenset(sample.labels.items())] = sample.value

    def value(self, name: str, **labels: str) -> float:
        return self.values[name, frozenset(labels.items())]

    def until_ended(self, job_id: str) -> str:
        while True:
            status = str(self.call("GET", f"/job/{job_id}?wait=25").json()["status"])
            if status in {"completed", "failed"}:
                return status


@pytest.fixture(scope="module")
def monitored(media: Media, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    tone = "-f lavfi -i sine=440:d=2"
    file = media.ffmpeg(f"{tone} -c:a ac3", media.folder / "metrics.mkv").read_bytes()
    other = media.ffmpeg(f"{tone} -b:a 32k", media.folder / "metrics.mp3").read_bytes()
    settings = {"LOG_LEVEL": "WARNING", "ADMIN_KEY": ADMIN_KEY, "CALLBACK_PRIVATE_ADDRESSES": "true"}
    settings |= {"CACHE_MB": "5", "QUOTA_REQUESTS_PER_MINUTE": "100", "CALLBACK_SECRET": "secret"}
    data = tmp_path_factory.mktemp("metrics") / "data"
    with (
        Upstream(recognise=lambda _: transcription("hola", duration=2.0)) as engine,
        Receiver() as receiver,
        Server(data, GROQ_BASE_URL=engine.url, **settings) as server,
    ):
        seen = Monitored(server.url)
        made = seen.call("POST", "/admin/keys", json={"name": "prometheus", "scopes": ["metrics"]})
        seen.key = made.json()["key"]
        assert seen.call("POST", "/transcribe", files={"file": file}).status_code == 200
        assert seen.call("POST", "/transcribe", files={"file": file}).json()["cached"]
        jobs = []
        for replies in ([bad_key()], [rate_limited(retry_after=1), transcription("hola", duration=2.0)]):
            engine.script.extend(replies)
            body = {"callbackUrl": receiver.url, "cache": "false"}
            submitted = seen.call("POST", "/transcribe-job", files={"file": other}, data=body)
            jobs.append(seen.until_ended(submitted.json()["jobId"]))
        assert jobs == ["failed", "completed"]
        engine.script.append(rate_limited(retry_after=1))
        refused = seen.call("POST", "/transcribe", files={"file": other}, data={"cache": "false"})
        assert refused.status_code == 503
        wait_until(lambda: len(receiver.received) >= 2)
        time.sleep(1)  # a reading of the store is a second old at most
        seen.scrape()
        yield seen


def test_what_happened_is_counted(monitored: Monitored) -> None:
    value = monitored.value
    assert value("escriba_http_requests_total", method="POST", route="/transcribe", status="200") == 2
    assert value("escriba_http_request_duration_seconds_count", route="/transcribe") == 3
    assert value("escriba_cache_requests_total", result="hit") == 1
    assert value("escriba_pieces_total", engine="groq", result="transcribed") == 2
    assert value("escriba_pieces_total", engine="groq", result="postponed") == 2
    assert value("escriba_audio_seconds_total", engine="groq", result="failed") == pytest.approx(2, abs=0.1)
    assert value("escriba_jobs_ended_total", status="completed", code="") == 1
    assert value("escriba_jobs_ended_total", status="failed", code="engine_key_invalid") == 1
    assert value("escriba_limits_hit_total", code="engine_quota_spent") == 1
    assert sum(value("escriba_job_waits_total", reason=r) for (r,) in reasons(monitored)) == 1
    assert value("escriba_deliveries_total", target="callback", outcome="confirmed") >= 2
    assert value("escriba_deliveries_open", target="callback") == 0
    assert value("escriba_ffmpeg_cpu_seconds_total") > 0
    assert value("escriba_jobs", status="queued") == 0
    assert 0 < value("escriba_quota_remaining", window="requests_per_day") < 2000
    assert value("escriba_quota_limit", window="requests_per_minute") == 100


def reasons(monitored: Monitored) -> list[tuple[str]]:
    return [(labels["reason"],) for labels in monitored.series["escriba_job_waits_total"]]


def test_names_and_types_follow_prometheus_conventions(monitored: Monitored) -> None:
    for family in parse(monitored.text):
        assert family.documentation, family.name
        assert family.name.startswith(("escriba_", "process_")), family.name
        assert re.fullmatch(r"[a-z_]+", family.name), family.name
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = monitored.call("GET", "/metrics", monitored.key, headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {"escriba_jobs", "escriba_pieces"}


def test_strangers_cannot_make_the_series_many(monitored: Monitored) -> None:
    monitored.scrape()
    before = len(monitored.values)
    for number in range(20):
        monitored.call("GET", f"/nothing/{number}", headers={"X-Request-Id": f"a{number:08d}"})
        monitored.call(f"M{number}", "/transcribe")
        monitored.call("GET", f"/job/{number}")
    monitored.scrape()
    # An unknown address, another method, and a job that does not exist: each with its histogram.
    assert len(monitored.values) - before <= 4 + 2 * (len(BOUNDS) + 3)


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [(None, 401, "key_missing"), ("esc_wrong", 401, "key_invalid"), (ADMIN_KEY, 200, None)],
    ids=["none", "wrong", "admin"],
)
def test_with_access_keys_a_scrape_needs_one(
    monitored: Monitored, key: str | None, status: int, code: str | None
) -> None:
    answer = monitored.call("GET", "/metrics", key)
    assert answer.status_code == status
    assert code is None or answer.json()["error"]["code"] == code


def test_the_scope_metrics_opens_nothing_else_and_no_other_scope_opens_metrics(monitored: Monitored) -> None:
    for path in ("/admin/keys", "/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"):
        assert monitored.call("GET", path, monitored.key).status_code == 403
    made = monitored.call("POST", "/admin/keys", json={"name": "a page", "scopes": ["transcribe", "read"]})
    refused = monitored.call("GET", "/metrics", made.json()["key"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")


# ── the dashboard and the alerts ──────────────────────────────────────────────────────────────────


def expressions(panel: dict[str, Any]) -> list[str]:
    """A panel's queries as Grafana sends them."""
    known = {"$__rate_interval": "5m", "$instance": ".*"}
    texts = [target["expr"] for target in panel.get("targets", [])]
    return [re.sub("|".join(map(re.escape, known)), lambda m: known[m[0]], text) for text in texts]


PANELS = {panel["title"]: expressions(panel) for panel in DASHBOARD["panels"] if panel["type"] != "row"}
RULES = {rule["alert"]: rule for group in ALERTS["groups"] for rule in group["rules"]}


def nodes(expression: str) -> list[Any]:
    """All parts of an expression; Prometheus' own grammar and types refuse a wrong one."""
    found: list[Any] = []
    promql.walk(promql.parse(expression), found.append)
    return found


def selectors(expression: str) -> list[Any]:
    found = nodes(expression)
    inner = [node.vector_selector for node in found if isinstance(node, promql.MatrixSelector)]
    return inner + [node for node in found if isinstance(node, promql.VectorSelector)]


def matches(selector: Any, labels: dict[str, str]) -> bool:
    def fits(matcher: Any) -> bool:
        value, op = labels.get(matcher.name, ""), str(matcher.op).rpartition(".")[2]
        is_equal = value == matcher.value
        is_like = op in {"Re", "NotRe"} and re.fullmatch(matcher.value, value) is not None
        return bool({"Equal": is_equal, "NotEqual": not is_equal, "Re": is_like, "NotRe": not is_like}[op])

    return all(map(fits, selector.matchers.matchers))


def grouping(expression: str) -> set[str]:
    groups = [node for node in nodes(expression) if isinstance(node, promql.AggregateExpr)]
    return {label for node in groups if node.modifier for label in node.modifier.labels}


@pytest.mark.parametrize("title", PANELS)
def test_every_panel_has_data(monitored: Monitored, title: str) -> None:
    assert PANELS[title]
    for expression in PANELS[title]:
        labels: set[str] = set()
        for selector in selectors(expression):
            found = [each for each in monitored.series.get(selector.name, []) if matches(selector, each)]
            assert found, f"{selector.name} of {expression}"
            labels.update(*found)
        assert grouping(expression) <= labels


@pytest.mark.parametrize("name", RULES)
def test_every_alert_asks_for_names_and_labels_that_come(monitored: Monitored, name: str) -> None:
    rule = RULES[name]
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    promql.parse_duration(rule.get("for", "1m"))
    found = selectors(rule["expr"])
    assert found
    labels: set[str] = set()
    for selector in found:
        assert selector.name in monitored.series, selector.name
        labels.update(*monitored.series[selector.name])
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels
    assert grouping(rule["expr"]) <= labels
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels


def test_an_expression_that_prometheus_refuses_fails_here() -> None:
    for wrong in ("rate(escriba_jobs)", "sum(rate(escriba_pieces_total[5m])", "escriba_jobs{status=queued}"):
        with pytest.raises(ValueError, match=r"."):
            nodes(wrong)


def test_every_metric_is_documented(monitored: Monitored) -> None:
    documented = set(re.findall(r"`(escriba_\w+)`", (ROOT / "docs/monitoring.md").read_text()))
    families = [(family.name, family.type) for family in parse(monitored.text)]
    sent = {f"{name}_total" if kind == "counter" else name for name, kind in families}
    assert {name for name in sent if name.startswith("escriba_")} - {"escriba_build_info"} == documented
