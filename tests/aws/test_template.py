"""template.yaml compared with the code: routes, what each function may do, limits that must agree."""

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

from common.settings import Settings, read_settings
from functions import (
    admin,
    admin_deliveries,
    admin_jobs,
    admin_server,
    health,
    job,
    job_transcript,
    limits,
    openai_audio,
    page,
    quota,
    sign_in,
    tokens,
    transcribe,
    transcribe_job,
)
from tests.deployed import transformed
from tests.emulator import TOOLS
from tests.runtime_api import HANDLER
from tests.server import ROOT
from tests.template import PATH, module_of, resources, template

SAM = ROOT / ".venv" / "aws-sam" / "bin" / "sam"
FUNCTIONS = resources("AWS::Serverless::Function")
MODULES = (
    health,
    limits,
    transcribe,
    transcribe_job,
    job,
    job_transcript,
    openai_audio,
    quota,
    sign_in,
    tokens,
    admin,
    admin_deliveries,
    admin_jobs,
    admin_server,
    page,
)

# On AWS recordings are posted to S3 itself, and CloudWatch has the metrics.
NOT_DEPLOYED = {"job_audio", "metrics"}


def lint(path: Path) -> str:
    done = subprocess.run(
        [TOOLS / "cfn-lint", "--non-zero-exit-code", "informational", "--regions", "us-east-1", "--", path],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


PARAMETERS = {
    "CorsOrigins": "https://page.example,https://other.example",
    "Callbacks": "yes",
    "ConvexSiteUrl": "https://happy-animal-123.convex.site",
    "ConvexPageUrl": "https://happy-animal-123.convex.cloud",
    "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms",
    "SecretsStore": "secretsmanager",
    "Speakers": "yes",
}


def test_the_linter_finds_nothing_in_what_cloudformation_gets(tmp_path: Path) -> None:
    path = tmp_path / "transformed.json"
    bare = transformed()
    path.write_text(json.dumps(bare, indent=1))
    assert lint(path) == ""
    # No parameter but this one changes what is linted, so the linter need not see both forms.
    cors = bare["Resources"]["HttpApi"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    cors["Fn::If"][1]["allowOrigins"] = PARAMETERS["CorsOrigins"]
    assert transformed(PARAMETERS) == bare


def validate(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """`sam validate --lint` as one runs it before deploying, but without credentials and telemetry."""
    return subprocess.run(
        [SAM, "validate", "--lint", "--template", path],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


MISSPELT = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Health:
    Type: AWS::Serverless::Function
    Properties: {Handler: health.handler, Runtime: python3.13, CodeUri: ., Tiemout: 900}
"""


def test_sam_finds_nothing_in_the_template_and_would_find_a_misspelt_property(tmp_path: Path) -> None:
    good = validate(PATH, tmp_path)
    assert good.returncode == 0, good.stderr
    misspelt = tmp_path / "template.yaml"
    misspelt.write_text(MISSPELT)
    bad = validate(misspelt, tmp_path)
    assert (bad.returncode, "'Tiemout' was unexpected" in bad.stdout + bad.stderr) == (1, True)


def test_the_linter_would_find_what_the_source_hides(tmp_path: Path) -> None:
    """A misspelt action, and a queue that hides messages for less time than the worker may take."""
    wrong = transformed()
    wrong["Resources"] = {
        name: resource
        for name, resource in wrong["Resources"].items()
        if name.startswith(("RunJobFunction", "Jobs"))  # the worker, its role, its queue and its table
    }
    wrong["Resources"]["JobsQueue"]["Properties"]["VisibilityTimeout"] = 30
    text = json.dumps(wrong).replace("dynamodb:GetItem", "dynamodb:GetItems")
    path = tmp_path / "wrong.json"
    path.write_text(text)
    found = lint(path)
    assert "GetItems" in found or "getitems" in found
    assert "visibility timeout (30) is less than" in found


# ── functions and routes ──────────────────────────────────────────────────────────────────────────


def test_every_module_of_functions_is_a_function_of_its_own() -> None:
    modules = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}
    deployed = [module_of(function) for function in FUNCTIONS.values()]
    assert sorted(deployed) == sorted(modules - NOT_DEPLOYED)


def test_every_route_of_every_router_leads_to_its_function() -> None:
    routed = {
        (event["Properties"]["Method"], re.sub(r"\{[^}]*\}", "{}", event["Properties"]["Path"])): module_of(
            function
        )
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    }
    routes = {
        (method, re.sub(r"\{[^}]*\}", "{}", route.path)): module.__name__.removeprefix("functions.")
        for module in MODULES
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(
            (route.methods or set()) | ({"HEAD"} if "GET" in (route.methods or ()) else set())
        )
    }
    assert routed == routes


ABSENT = ("common.local", "uvicorn", "httptools", "websockets", "faster_whisper", "numpy")


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_starting_sandbox_prepares_its_own_endpoint_and_imports_nothing_that_is_not_deployed(
    function: dict[str, Any],
) -> None:
    program = f"""
import sys
sys.modules.update(dict.fromkeys({ABSENT}))
from {HANDLER.rpartition(".")[0]} import handler
print(*(name for name in sys.modules if name.startswith(("functions.", "common.lambda_entry.sandbox"))))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=False,
        cwd=ROOT,
        env={"AWS_DEFAULT_REGION": "us-east-1", "FUNCTION_MODULE": f"functions.{module_of(function)}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {f"functions.{module_of(function)}", "common.lambda_entry.sandbox"}


def test_a_sandbox_without_a_module_names_the_setting_that_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {HANDLER.rpartition('.')[0]}"],
        check=False,
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "FUNCTION_MODULE is not set" in done.stderr) == (1, True)


def test_health_answers_requests_that_match_no_route() -> None:
    events = FUNCTIONS["HealthFunction"]["Events"].values()
    assert any("Path" not in event["Properties"] for event in events)


def test_health_is_the_fallback_for_all_modules_with_routes() -> None:
    routed = {
        module_of(function)
        for function in FUNCTIONS.values()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    source = (ROOT / "functions" / "health.py").read_text()
    fallback_for = re.search(r"fallback_for=\(([^)]*)\)", source)
    assert fallback_for
    assert set(re.findall(r'"(\w+)"', fallback_for[1])) == routed - {"health"}


def test_every_variable_is_a_setting_or_powertools() -> None:
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = {name for f in FUNCTIONS.values() for name in f["Environment"]["Variables"]}
    settings = {name.upper() for name in Settings.model_fields}
    assert {name for name in own | set(shared) if not name.startswith("POWERTOOLS_")} <= settings


def test_only_functions_that_use_ffmpeg_have_its_layer() -> None:
    with_layer = {module_of(f) for f in FUNCTIONS.values() if "Layers" in f}
    assert with_layer == {"health", "transcribe", "openai_audio", "run_job"}


def test_functions_that_transcribe_have_what_tells_speakers_apart_where_the_stack_is_to() -> None:
    """All functions have the same setting, so that a job is accepted where its worker can do it."""
    if_speakers = {"Fn::If": ["HasSpeakers", {"Ref": "SpeakersLayer"}, {"Ref": "AWS::NoValue"}]}
    with_layer = {module_of(f) for f in FUNCTIONS.values() if if_speakers in f.get("Layers", ())}
    assert with_layer == {"transcribe", "openai_audio", "run_job"}
    layers = {n: r for n, r in template()["Resources"].items() if r["Type"].endswith("LayerVersion")}
    assert {name: layer.get("Condition") for name, layer in layers.items()} == {
        "FfmpegLayer": None,
        "SpeakersLayer": "HasSpeakers",
    }
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert shared["SPEAKERS"] == {"Fn::If": ["HasSpeakers", "true", "false"]}
    assert template()["Parameters"]["Speakers"]["Default"] == "no"


def test_only_the_worker_completes_jobs_and_finds_their_speakers_later() -> None:
    variables = {module_of(f): f["Environment"]["Variables"] for f in FUNCTIONS.values()}
    assert {name for name, own in variables.items() if "SPEAKERS_LATER" in own} == {"run_job"}
    assert template()["Parameters"]["SpeakersLater"]["Default"] == "no"
    assert template()["Parameters"]["SpeakersWait"]["Default"] == ""
    assert read_settings({"SPEAKERS_LATER": "true", "SPEAKERS_WAIT": ""}).longest_speakers_wait == 0


def test_a_client_that_waits_gets_its_text_although_its_speakers_take_too_long() -> None:
    waits = template()["Globals"]["Function"]["Timeout"]
    for name in ("TranscribeFunction", "OpenaiAudioFunction"):
        assert float(FUNCTIONS[name]["Environment"]["Variables"]["SPEAKERS_TIMEOUT"]) <= waits / 2
    assert "SPEAKERS_TIMEOUT" not in FUNCTIONS["RunJobFunction"]["Environment"]["Variables"]


# ── limits that must agree ────────────────────────────────────────────────────────────────────────


def test_the_queue_hides_a_message_for_six_times_the_workers_time() -> None:
    queue = resources("AWS::SQS::Queue")["JobsQueue"]
    worker = FUNCTIONS["RunJobFunction"]
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert worker["Events"]["Jobs"]["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["JobsDlq", "Arn"]}


def test_only_the_worker_may_write_into_the_queue_that_calls_it() -> None:
    """In every other function such a loop would be a mistake, which Lambda ends."""
    functions = {
        name: resource["Properties"].get("RecursiveLoop")
        for name, resource in transformed()["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert {name: loop for name, loop in functions.items() if loop} == {"RunJobFunction": "Allow"}


def test_a_message_that_a_killed_worker_left_hidden_raises_no_alarm() -> None:
    hidden = resources("AWS::SQS::Queue")["JobsQueue"]["VisibilityTimeout"]
    assert resources("AWS::CloudWatch::Alarm")["OldestMessageAlarm"]["Threshold"] > hidden


def test_no_http_function_runs_longer_than_api_gateway_waits() -> None:
    shared = template()["Globals"]["Function"]["Timeout"]
    times = {
        function.get("Timeout", shared)
        for function in FUNCTIONS.values()
        if any(event["Type"] == "HttpApi" for event in function.get("Events", {}).values())
    }
    assert max(times) < 30


def test_the_table_has_the_indexes_and_the_time_to_live_that_the_adapters_use() -> None:
    table = resources("AWS::DynamoDB::Table")["JobsTable"]
    indexes = {index["IndexName"] for index in table["GlobalSecondaryIndexes"]}
    source = "".join(path.read_text() for path in (ROOT / "common" / "aws").glob("*.py"))
    used = set(re.findall(r'(?:^INDEX|^EXPIRING|^DUE|^CREATED) = "(\w+)"', source, re.MULTILINE))
    assert indexes == used == {"expiring", "due", "news", "created"}
    assert table["TimeToLiveSpecification"]["AttributeName"] in source


def test_all_stored_data_is_encrypted_and_not_public() -> None:
    bucket = resources("AWS::S3::Bucket")["AudioBucket"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    assert resources("AWS::DynamoDB::Table")["JobsTable"]["SSESpecification"]["SSEEnabled"]
    assert all(queue["SqsManagedSseEnabled"] for queue in resources("AWS::SQS::Queue").values())


# ── what each function may do ─────────────────────────────────────────────────────────────────────


def statements(function: dict[str, Any]) -> list[dict[str, Any]]:
    return [statement for policy in function.get("Policies", ()) for statement in policy["Statement"]]


@pytest.fixture(scope="module")
def roles() -> dict[str, dict[str, Any]]:
    """What CloudFormation makes for each function, by its name."""
    found = transformed()["Resources"]
    return {name: found[f"{name}Role"]["Properties"] for name in FUNCTIONS}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_policy_has_a_wildcard_for_its_action_or_resource(
    name: str, roles: dict[str, dict[str, Any]]
) -> None:
    policies = [policy["PolicyDocument"] for policy in roles[name].get("Policies", ())]
    own = [statement for policy in policies for statement in policy["Statement"]]
    assert own or name == "PageFunction"  # which calls nothing on AWS
    for statement in own:
        for action in _listed(statement["Action"]):
            assert "*" not in action
        for resource in _listed(statement["Resource"]):
            assert resource != "*"


# Logs and traces have no resources of ours to name. SAM adds the third policy to a function that reads a
# queue: to receive and delete messages of any queue of the account. A narrower one needs a role written by
# hand, logs and traces included.
FOR_ALL = {"service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
FOR_QUEUE_READERS = {"service-role/AWSLambdaSQSQueueExecutionRole"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_role_has_only_the_expected_policies_of_awss_own(
    name: str, roles: dict[str, dict[str, Any]]
) -> None:
    added = {arn.partition(":policy/")[2] for arn in roles[name]["ManagedPolicyArns"]}
    assert added == FOR_ALL | (FOR_QUEUE_READERS if name == "RunJobFunction" else set())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_right_to_the_table_names_the_kinds_of_items(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        if statement["Resource"] == {"Fn::GetAtt": ["JobsTable", "Arn"]}:
            (condition,) = statement["Condition"].values()
            assert all(key.endswith("#*") for key in condition["dynamodb:LeadingKeys"])


# The functions whose callers may need an access key.
ADMINS = {"admin", "admin_deliveries", "admin_jobs", "admin_server"}
KEYED = ADMINS | {
    "transcribe",
    "openai_audio",
    "transcribe_job",
    "job",
    "job_transcript",
    "transcription_ws",
    "quota",
    "tokens",
}


def test_only_functions_that_callers_call_read_access_keys_and_only_admin_writes_them() -> None:
    rights: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        for statement in statements(function):
            if "access#*" in json.dumps(statement):
                rights[module_of(function)] = set(_listed(statement["Action"]))
    assert rights.keys() == KEYED | {"run_job"}  # which holds a job to the limits of its key
    assert {name for name, actions in rights.items() if "dynamodb:PutItem" in actions} == {"admin"}


def test_only_functions_that_need_them_have_the_quota_the_shared_secret_and_the_cache() -> None:
    """The quota of the engine or of Convex's pushes; secrets for Idempotency-Keys and tokens; kept texts."""
    users: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        text = json.dumps(statements(function))
        for kind in ("quota#*", "secret#*", "cache#*"):
            if kind in text:
                users.setdefault(kind, set()).add(module_of(function))
    of_quota = {"transcribe", "openai_audio", "run_job", "sweep", "quota", "admin_server"}
    assert users["quota#*"] == of_quota
    assert users["secret#*"] == KEYED | {"sign_in"}
    assert users["cache#*"] == {"transcribe", "openai_audio", "run_job", "job", "sweep", "admin_jobs"}


def test_only_functions_that_call_the_engine_read_its_key_and_only_those_that_deliver_the_senders() -> None:
    readers: dict[str, set[str]] = {}
    for function in FUNCTIONS.values():
        text = json.dumps(statements(function))
        for secret in ("groq-api-key", "callback-secret", "convex-api-key", "admin-key", "page-password"):
            if secret in text:
                readers.setdefault(secret, set()).add(module_of(function))
    assert readers["groq-api-key"] == {
        "health",
        "limits",
        "transcribe",
        "openai_audio",
        "run_job",
        "admin_server",
    }
    assert readers["admin-key"] == KEYED | {"limits"}  # which tells whether there is one
    assert readers["page-password"] == KEYED | {"limits", "sign_in"}
    assert {
        module_of(function)
        for function in FUNCTIONS.values()
        if "ADMIN_KEY" in function["Environment"]["Variables"]
    } == KEYED | {"limits"}
    assert readers["callback-secret"] == readers["convex-api-key"] == {"run_job", "sweep"}


def test_the_sweep_may_delete_and_list_recordings_but_not_read_them() -> None:
    allowed = {
        action for allow in statements(FUNCTIONS["SweepFunction"]) for action in _listed(allow["Action"])
    }
    assert {action for action in allowed if action.startswith("s3:")} == {"s3:DeleteObject", "s3:ListBucket"}


def test_an_upload_to_s3_may_take_longer_than_its_ticket_is_valid() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    assert int(variables["UPLOAD_TIMEOUT"]) >= int(variables["UPLOAD_TICKET_SECONDS"])


def test_a_function_that_may_keep_recordings_may_remove_them() -> None:
    for function in FUNCTIONS.values():
        for statement in statements(function):
            if "s3:PutObject" in _listed(statement["Action"]):
                assert "s3:DeleteObject" in statement["Action"]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
