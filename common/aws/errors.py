"""AWS's errors as ours: the only place that knows botocore's exceptions and AWS's error codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from common.errors import Busy, StorageBroken
from common.log import log

_RETRY_AFTER = 2.0

_TRANSIENT = {
    "InternalError",  # S3's, of one object among several
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
}


class AwsRefusal(Exception):
    """AWS refused the call: `code` is AWS's own, `reasons` are those of a transaction's parts."""

    def __init__(self, code: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.reasons = reasons


# What callers decide upon; every other refusal is a fault of the configuration or of ours.
_FOR_CALLERS = {
    "404",
    "ConditionalCheckFailedException",
    "ForbiddenException",
    "GoneException",
    "NoSuchKey",
    "NotFound",
    "PreconditionFailed",
    "TransactionCanceledException",
    "TransactionConflictException",
}


class NameMissing(Exception):
    """This function's environment lacks the name of a resource: the cause of a StorageBroken."""


def require_name(name: str | None, setting: str) -> str:
    """The name of a table, bucket or queue. Raises StorageBroken where `setting` is not set."""
    if name is None:
        raise StorageBroken from NameMissing(f"{setting} is not set")
    return name


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raises Busy for what passes by itself, AwsRefusal where the caller decides, else StorageBroken."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

    try:
        yield
    except ClientError as exc:
        raise _error_of_response(exc.operation_name, exc.response) from exc
    except (ConnectionError, HTTPClientError) as exc:
        raise Busy(retry_after=_RETRY_AFTER) from exc
    except (Boto3Error, BotoCoreError) as exc:
        if isinstance(exc.__context__, ClientError):  # as S3's transfers wrap them
            raise _error_of_response(exc.__context__.operation_name, exc.__context__.response) from exc
        log("aws.failed", level="ERROR", reason=str(exc))
        raise StorageBroken from exc


def _error_of_response(operation: str, response: dict[str, Any]) -> Exception:
    error = response.get("Error", {})
    code = str(error.get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons = tuple(str(reason.get("Code")) for reason in response.get("CancellationReasons", ()))
    if status >= 500 or any(reason in _TRANSIENT for reason in reasons):
        return Busy(retry_after=_RETRY_AFTER)
    return AwsRefusal(code, reasons) if code in _FOR_CALLERS else error_of(operation, error)


def error_of(operation: str, error: Mapping[str, Any]) -> Busy | StorageBroken:
    """The error for AWS's `Code` and `Message`, where no caller decides upon them."""
    code = str(error.get("Code", ""))
    if code in _TRANSIENT:
        return Busy(retry_after=_RETRY_AFTER)
    log("aws.refused", level="ERROR", operation=operation, code=code, reason=error.get("Message"))
    return StorageBroken()
