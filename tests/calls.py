"""AWS's runtime client, run so that every call to AWS is noted: `python -m tests.calls <handler> <file>`.

Each line names the function's module, the IAM action that the call needs and, of a table, the kind of its
leading key: what stands before its `#`.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Where an operation is not called as the action that allows it.
_ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "PostToConnection": "ManageConnections",
}
_KINDS = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}


def actions(service: str, operation: str, asked: dict[str, Any]) -> Iterator[str]:
    if operation == "TransactWriteItems":
        for item in asked["TransactItems"]:
            yield f"dynamodb:{_KINDS[next(iter(item))]}"
    elif operation == "Query" and "IndexName" in asked:
        yield "dynamodb:Query/index"
    else:
        name = {"apigatewaymanagementapi": "execute-api"}.get(service, service)
        yield f"{name}:{_ACTIONS.get(operation, operation)}"


def leading(asked: Any) -> Iterator[str]:
    """The kinds of all partition keys in a call of DynamoDB's, but an index's."""
    if isinstance(asked, list):
        for one in asked:
            yield from leading(one)
    elif isinstance(asked, dict):
        for name, value in asked.items():
            if name in {"pk", ":pk"}:
                yield value["S"].partition("#")[0]
            else:
                yield from leading(value)


def main(handler: str, log: str) -> None:
    from awslambdaric.__main__ import main as run
    from botocore.client import BaseClient

    real, module = BaseClient._make_api_call, os.environ["FUNCTION_MODULE"].rpartition(".")[2]

    def noted(client: Any, operation: str, asked: dict[str, Any]) -> Any:
        with Path(log).open("a") as file:
            needed = actions(client.meta.service_model.service_name, operation, asked)
            kinds = ",".join(sorted(set(leading(asked)))) or "-"
            file.writelines(f"{module} {action} {kinds}\n" for action in needed)
        return real(client, operation, asked)

    BaseClient._make_api_call = noted
    run(["awslambdaric", handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
