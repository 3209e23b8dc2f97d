"""template.yaml deployed to the emulator, its functions under AWS's own runtime client, IAM enforced.

Only here is the template changed for the emulator: code comes from this tree instead of a zip for arm64,
addresses are the emulator's, and the HTTP API's routes, which it does not read from an OpenAPI body, are made
one by one.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.emulator import TOOLS, Emulator
from tests.server import ROOT

STACK = "escriba"
CODE = "escriba-code"


def transformed(parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The template as CloudFormation receives it, by AWS's own translator."""
    template: dict[str, Any] = json.loads(_transform(json.dumps(dict(parameters or {}))))
    return template


@cache
def _transform(parameters: str) -> bytes:
    done = subprocess.run(
        [TOOLS / "python", ROOT / "tests" / "sam_transform.py", ROOT / "template.yaml"],
        input=parameters.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True)
class Deployed:
    """`outputs` are the stack's; `functions` are the deployed names by the template's."""

    emulator: Emulator
    api: str
    websocket: str
    outputs: Mapping[str, str]
    functions: Mapping[str, str]

    def called(self) -> dict[str, set[str]]:
        """The IAM actions that each function's calls needed so far, by its module."""
        actions: dict[str, set[str]] = {}
        for module, action, _ in self._calls():
            actions.setdefault(module, set()).add(action)
        return actions

    def touched(self) -> dict[str, set[tuple[str, str]]]:
        """The DynamoDB actions of each function so far, each with a kind of item that it was for."""
        touched: dict[str, set[tuple[str, str]]] = {}
        for module, action, kinds in self._calls():
            if action.startswith("dynamodb:"):
                pairs = {(action, kind) for kind in kinds.split(",") if kind != "-"}
                touched.setdefault(module, set()).update(pairs)
        return touched

    def _calls(self) -> list[list[str]]:
        """The lines of tests/calls.py, split."""
        return [line.split() for line in (self.emulator.folder / "calls.log").read_text().splitlines()]

    def log(self) -> str:
        """All that the functions have logged since they were deployed."""
        logs = self.emulator.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=self.outputs["LogGroupName"])
        events = [event for page in pages for event in page["events"]]
        return "\n".join(event["message"] for event in events)


def put_secrets(emulator: Emulator, secrets: Mapping[str, str]) -> None:
    """The secrets that the template's functions read, by their names under /escriba/."""
    for name, value in secrets.items():
        parameter = {"Name": f"/escriba/{name}", "Value": value, "Type": "SecureString"}
        emulator.client("ssm").put_parameter(**parameter)


def deploy(
    emulator: Emulator, environment: Mapping[str, str], parameters: Mapping[str, str] | None = None
) -> Deployed:
    """`environment` is added to that of every function; it names the stand-in for Groq."""
    parameters = {"CorsOrigins": "https://page.example", **(parameters or {})}
    template = _adapt(transformed(parameters), emulator, environment)
    _upload(emulator, template)
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.url}/{CODE}/template.json",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = _wait_until_created(cloudformation)
    ids = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    }
    _create_routes(emulator, ids["HttpApi"], template["Resources"]["HttpApi"]["Properties"]["Body"], ids)
    return Deployed(
        emulator=emulator,
        api=f"{emulator.url}/_aws/execute-api/{ids['HttpApi']}/$default",
        websocket=f"ws{emulator.url[4:]}/_aws/execute-api/{ids['WebSocketApi']}/live",
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        functions={name: physical for name, physical in ids.items() if name.endswith("Function")},
    )


def _wait_until_created(cloudformation: Any, *, within: float = 60) -> Any:
    deadline = time.monotonic() + within
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return stack
        assert "IN_PROGRESS" in stack["StackStatus"], stack
        assert time.monotonic() < deadline, stack
        time.sleep(0.1)


def _adapt(template: dict[str, Any], emulator: Emulator, environment: Mapping[str, str]) -> dict[str, Any]:
    ours = f"{emulator.url}/_aws/execute-api/${{WebSocketApi}}/live"
    theirs = "://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live"
    text = json.dumps(template).replace(f"https{theirs}", ours).replace(f"wss{theirs}", f"ws{ours[4:]}")
    template = json.loads(text)
    workers = int(template["Parameters"]["Workers"]["Default"])
    for name, resource in list(template["Resources"].items()):
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            properties |= {"Runtime": "provided.al2023", "Architectures": ["x86_64"]}
            properties.pop("Layers", None)
            properties["Environment"]["Variables"] |= {"AWS_ENDPOINT_URL": emulator.url, **environment}
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            properties["ScalingConfig"]["MaximumConcurrency"] = workers  # it reads number parameters as text
        if resource["Type"] in {"AWS::Lambda::LayerVersion", "AWS::S3::BucketPolicy"}:
            del template["Resources"][name]  # the policy wants TLS, which the emulator's address has not
    return template


def _upload(emulator: Emulator, template: dict[str, Any]) -> None:
    """The template, and a package whose bootstrap runs the real runtime client on this very tree."""
    bootstrap = zipfile.ZipInfo("bootstrap")
    bootstrap.external_attr = 0o755 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        run = f'exec {sys.executable} -W error -m tests.calls "$_HANDLER" {emulator.folder}/calls.log'
        # Each sandbox has a /tmp of its own.
        scratch = f"export TMPDIR=$(mktemp -d {emulator.folder}/sandbox-XXXXXX)"
        package.writestr(bootstrap, f"#!/bin/sh\n{scratch}\ncd {ROOT}\n{run}\n")
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=CODE)
    s3.put_object(Bucket=CODE, Key="code.zip", Body=packed.getvalue())
    s3.put_object(Bucket=CODE, Key="template.json", Body=json.dumps(template).encode())


def _create_routes(emulator: Emulator, api: str, body: Any, ids: Mapping[str, str]) -> None:
    gateway = emulator.client("apigatewayv2")
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            function = re.findall(r"\$\{(\w+)\.Arn\}", uri)[0]
            arn = f"arn:aws:lambda:us-east-1:000000000000:function:{ids[function]}"
            integration = gateway.create_integration(
                ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
            )
            key = "$default" if path.endswith("$default") else f"{method.upper()} {path}"
            gateway.create_route(
                ApiId=api, RouteKey=key, Target=f"integrations/{integration['IntegrationId']}"
            )
