"""template.yaml read beside the code: what is routed, what each function may do, what limits agree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from common.settings import Settings
from functions import health, job, openai_audio, transcribe, transcribe_job
from tests.deployed import transformed
from tests.emulator import TOOLS
from tests.server import ROOT
from tests.template import PATH, resources, template

SAM = ROOT / ".venv" / "aws-sam" / "bin" / "sam"
FUNCTIONS = resources("AWS::Serverless::Function")

# On AWS recordings are posted to S3 itself.
NOT_DEPLOYED = {"job_audio"}


def lint(path: Path) -> str:
    done = subprocess.run(
        [TOOLS / "cfn-lint", "--non-zero-exit-code", "informational", "--regions", "us-east-1", "--", path],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_linter_finds_nothing_in_the_template() -> None:
    assert lint(PATH) == ""


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {
            "CorsOrigins": "https://page.example,https://other.example",
            "WebhookSender": "yes",
            "ConvexSiteUrl": "https://happy-animal-123.convex.site",
            "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms",
            "SecretsStore": "secretsmanager",
        },
    ],
    ids=["bare", "with everything"],
)
def test_the_linter_finds_nothing_in_what_cloudformation_gets(
    tmp_path: Path, parameters: dict[str, str]
) -> None:
    path = tmp_path / "transformed.json"
    path.write_text(json.dumps(transformed(parameters)))
    assert lint(path) == ""


def validated(path: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """`sam validate --lint` as whoever deploys runs it, but without credentials or anything told to AWS."""
    return subprocess.run(
        [SAM, "validate", "--lint", "--template", path],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_sam_finds_nothing_in_the_template_and_would_find_a_misspelt_property(tmp_path: Path) -> None:
    good = validated(PATH, tmp_path)
    assert good.returncode == 0, good.stderr
    misspelt = tmp_path / "template.yaml"
    misspelt.write_text(PATH.read_text().replace("Timeout: 900", "Tiemout: 900"))
    bad = validated(misspelt, tmp_path)
    assert (bad.returncode, "'Tiemout' was unexpected" in bad.stdout + bad.stderr) == (1, True)


def test_the_linter_would_find_what_the_source_hides(tmp_path: Path) -> None:
    """A misspelt action, and a queue that hides messages for less time than the worker may take."""
    wrong = transformed()
    for resource in wrong["Resources"].values():
        if resource["Type"] == "AWS::SQS::Queue":
            resource["Properties"]["VisibilityTimeout"] = 30
    text = json.dumps(wrong).replace("dynamodb:GetItem", "dynamodb:GetItems")
    path = tmp_path / "wrong.json"
    path.write_text(text)
    found = lint(path)
    assert "GetItems" in found or "getitems" in found
    assert "visibility timeout (30) is less than" in found


# ── functions and routes ──────────────────────────────────────────────────────────────────────────


def module_of(function: dict[str, Any]) -> str:
    return str(function["Handler"]).rpartition(".")[2]


def test_every_module_of_functions_is_deployed_under_its_handler() -> None:
    modules = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}
    assert {module_of(function) for function in FUNCTIONS.values()} == modules - NOT_DEPLOYED
    begun = "common.lambda_entry.entry."
    assert all(function["Handler"].startswith(begun) for function in FUNCTIONS.values())


def test_every_route_of_every_router_leads_to_its_function() -> None:
    routed = {
        (event["Properties"]["Method"], re.sub(r"\{[^}]*\}", "{}", event["Properties"]["Path"])): module_of(
            function
        )
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    }
    wanted = {
        (method, re.sub(r"\{[^}]*\}", "{}", route.path)): module.__name__.removeprefix("functions.")
        for module in (health, transcribe, transcribe_job, job, openai_audio)
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(
            (route.methods or set()) | ({"HEAD"} if "GET" in (route.methods or ()) else set())
        )
    }
    assert routed == wanted


def test_no_function_needs_what_is_not_deployed() -> None:
    """Neither the container's room nor the libraries that only it needs."""
    program = f"""
import sys
from importlib import import_module
absent = {{"common.local", "uvicorn", "httptools", "websockets", "faster_whisper", "numpy"}}
sys.modules.update(dict.fromkeys(absent))
for name in {sorted(module_of(function) for function in FUNCTIONS.values())}:
    getattr(import_module("common.lambda_entry.entry"), name)
"""
    environment = {"AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_what_is_nowhere_else_is_answered_by_health() -> None:
    events = FUNCTIONS["HealthFunction"]["Events"].values()
    assert any("Path" not in event["Properties"] for event in events)


def test_health_knows_the_routes_of_all_others() -> None:
    routed = {
        module_of(function)
        for function in FUNCTIONS.values()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    source = (ROOT / "functions" / "health.py").read_text()
    named = re.search(r"nowhere_but=\(([^)]*)\)", source)
    assert named
    assert set(re.findall(r'"(\w+)"', named[1])) == routed - {"health"}


def test_every_variable_is_a_setting_or_powertools() -> None:
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = {name for f in FUNCTIONS.values() for name in f["Environment"]["Variables"]}
    settings = {name.upper() for name in Settings.model_fields}
    assert {name for name in own | set(shared) if not name.startswith("POWERTOOLS_")} <= settings


def test_ffmpeg_is_only_where_it_is_used() -> None:
    with_layer = {module_of(f) for f in FUNCTIONS.values() if "Layers" in f}
    assert with_layer == {"health", "transcribe", "openai_audio", "run_job"}


# ── limits that must agree ────────────────────────────────────────────────────────────────────────


def test_the_queue_hides_a_message_for_six_times_the_workers_time() -> None:
    queue = resources("AWS::SQS::Queue")["JobsQueue"]
    worker = FUNCTIONS["RunJobFunction"]
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert worker["Events"]["Jobs"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["JobsDlq", "Arn"]}


def test_lambda_lets_the_worker_send_on_what_is_not_due_yet() -> None:
    """Only the worker: in every other function a loop would be a mistake, and is ended as one."""
    functions = {
        name: resource["Properties"].get("RecursiveLoop")
        for name, resource in transformed()["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert {name: loop for name, loop in functions.items() if loop} == {"RunJobFunction": "Allow"}


def test_no_alarm_rings_for_a_message_that_a_killed_worker_left_in_hand() -> None:
    hidden = resources("AWS::SQS::Queue")["JobsQueue"]["VisibilityTimeout"]
    assert resources("AWS::CloudWatch::Alarm")["OldestMessageAlarm"]["Threshold"] > hidden


def test_no_answer_is_waited_for_longer_than_api_gateway_waits() -> None:
    shared = template()["Globals"]["Function"]["Timeout"]
    times = {
        function.get("Timeout", shared)
        for function in FUNCTIONS.values()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    assert max(times) < 30


def test_the_indexes_and_the_bucket_are_what_the_adapters_ask() -> None:
    table = resources("AWS::DynamoDB::Table")["JobsTable"]
    indexes = {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
    source = "".join(path.read_text() for path in (ROOT / "common" / "aws").glob("*.py"))
    asked = set(re.findall(r'(?:^INDEX|^EXPIRING|^DUE) = "(\w+)"', source, re.MULTILINE))
    assert indexes == asked == {"expiring", "due", "news"}
    assert table["TimeToLiveSpecification"]["AttributeName"] in source


def test_what_is_kept_is_encrypted_and_nobody_elses() -> None:
    bucket = resources("AWS::S3::Bucket")["AudioBucket"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    assert resources("AWS::DynamoDB::Table")["JobsTable"]["SSESpecification"]["SSEEnabled"]
    assert all(queue["SqsManagedSseEnabled"] for queue in resources("AWS::SQS::Queue").values())


# ── what each function may do ─────────────────────────────────────────────────────────────────────


def statements(function: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for policy in function["Policies"] for one in policy["Statement"]]


@pytest.fixture(scope="module")
def roles() -> dict[str, dict[str, Any]]:
    """What CloudFormation makes for each function, by its name."""
    found = transformed()["Resources"]
    return {name: found[f"{name}Role"]["Properties"] for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_is_allowed_everywhere(name: str, roles: dict[str, dict[str, Any]]) -> None:
    policies = [policy["PolicyDocument"] for policy in roles[name]["Policies"]]
    written = [statement for policy in policies for statement in policy["Statement"]]
    assert written
    for statement in written:
        for action in _listed(statement["Action"]):
            assert "*" not in action
        for resource in _listed(statement["Resource"]):
            assert resource != "*"


# Logs and traces have no resources of ours to name. SAM adds the third to whoever reads a queue: to receive
# and delete messages of any queue of the account. Without it the function would need a role written by hand,
# logs, traces and all, to be a little narrower.
EVERYONES = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
QUEUE_READERS = {"service-role/AWSLambdaSQSQueueExecutionRole"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_awss_own_policies_each_role_has_the_known_few(
    name: str, roles: dict[str, dict[str, Any]]
) -> None:
    added = {arn.partition(":policy/")[2] for arn in roles[name]["ManagedPolicyArns"]}
    assert added == EVERYONES | (QUEUE_READERS if name == "RunJobFunction" else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_right_to_the_table_names_the_kinds_of_items(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        if statement["Resource"] == {"Fn::GetAtt": ["JobsTable", "Arn"]}:
            (condition,) = statement["Condition"].values()
            assert all(key.endswith("#*") for key in condition["dynamodb:LeadingKeys"])


def test_only_who_calls_the_engine_or_convex_keeps_accounts_and_only_who_accepts_jobs_shares_a_secret() -> (
    None
):
    users: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        text = json.dumps(statements(function))
        for kind in ("quota#*", "secret#*"):
            if kind in text:
                users.setdefault(kind, set()).add(module_of(function))
    assert users["quota#*"] == {"transcribe", "openai_audio", "run_job", "sweep"}
    assert users["secret#*"] == {"transcribe_job", "job"}


def test_only_who_recognises_reads_the_engines_key_and_only_who_delivers_the_senders() -> None:
    readers: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        text = json.dumps(statements(function))
        for secret in ("groq-api-key", "callback-secret", "convex-api-key"):
            if secret in text:
                readers.setdefault(secret, set()).add(module_of(function))
    assert readers["groq-api-key"] == {"health", "transcribe", "openai_audio", "run_job"}
    assert readers["callback-secret"] == readers["convex-api-key"] == {"run_job", "sweep"}


def test_who_lets_go_of_recordings_may_not_read_them() -> None:
    allowed = {a for one in statements(FUNCTIONS["SweepFunction"]) for a in _listed(one["Action"])}
    assert {action for action in allowed if action.startswith("s3:")} == {"s3:DeleteObject", "s3:ListBucket"}


def test_an_upload_to_s3_has_time_beyond_its_ticket() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert int(variables["UPLOAD_TIMEOUT"]) >= int(variables["UPLOAD_TICKET_SECONDS"])


def test_whoever_keeps_recordings_may_remove_them() -> None:
    for function in FUNCTIONS.values():
        for statement in statements(function):
            if "s3:PutObject" in _listed(statement["Action"]):
                assert "s3:DeleteObject" in statement["Action"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
