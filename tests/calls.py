"""AWS's runtime client, which also records every call to AWS: `python -m tests.calls <handler> <file>`.

Each line names the function's module, the IAM action that the call needs and, for a table, the kind of its
leading key: the part before its `#`.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Operations whose name is not that of the action that allows them.
_ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "DeleteObjects": "DeleteObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "PostToConnection": "ManageConnections",
}
_KINDS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


def actions(service: str, operation: str, parameters: dict[str, Any]) -> Iterator[str]:
    if operation == "TransactWriteItems":
        for item in parameters["TransactItems"]:
            yield f"dynamodb:{_KINDS[next(iter(item))]}"
    elif operation == "Query" and "IndexName" in parameters:
        yield "dynamodb:Query/index"
    else:
        name = {"apigatewaymanagementapi": "execute-api"}.get(service, service)
        yield f"{name}:{_ACTIONS.get(operation, operation)}"


def leading_kinds(parameters: Any) -> Iterator[str]:
    """The kinds of all partition keys in a call of DynamoDB's, except an index's."""
    if isinstance(parameters, list):
        for element in parameters:
            yield from leading_kinds(element)
    elif isinstance(parameters, dict):
        for name, value in parameters.items():
            if name in {"pk", ":pk"}:
                yield value["S"].partition("#")[0]
            else:
                yield from leading_kinds(value)


def main(handler: str, log: str) -> None:
    from awslambdaric.__main__ import main as run
    from botocore.client import BaseClient

    real, module = BaseClient._make_api_call, os.environ["FUNCTION_MODULE"].rpartition(".")[2]

    def make_api_call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        with Path(log).open("a") as file:
            needed = actions(client.meta.service_model.service_name, operation, parameters)
            kinds = ",".join(sorted(set(leading_kinds(parameters)))) or "-"
            file.writelines(f"{module} {action} {kinds}\n" for action in needed)
        return real(client, operation, parameters)

    BaseClient._make_api_call = make_api_call
    run(["awslambdaric", handler])


if __name__ == "__main__":
    main(*sys.argv[1:])
