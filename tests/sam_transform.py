"""template.yaml as CloudFormation receives it: `python sam_transform.py template.yaml < parameters.json`.

Runs in `.venv/aws-tools`, by AWS's own translator. Code and layers become objects of one bucket.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

MANAGED = (
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
)


class ManagedPolicies:
    def load(self) -> dict[str, str]:
        return {name: f"arn:aws:iam::aws:policy/{name}" for name in MANAGED}


def main(path: str, parameters: dict[str, str]) -> None:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    template = yaml_parse(Path(path).read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://escriba-code/code.zip"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://escriba-code/layer.zip"
    json.dump(transform(template, parameters, ManagedPolicies()), sys.stdout, indent=1)


if __name__ == "__main__":
    main(sys.argv[1], json.load(sys.stdin))
