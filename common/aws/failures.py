"""What AWS answers when it does not do as it was asked, as errors of ours: here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from common.errors import Busy, StorageBroken
from common.log import log

_RETRY_AFTER = 2.0

_THROTTLED = {
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


class Denied(Exception):
    """AWS understood and refused: `code` is its own word for it, `reasons` those of a transaction's parts."""

    def __init__(self, code: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.reasons = reasons


# What callers ask about; every other refusal is a fault of the set-up or of ours.
_ASKED_ABOUT = {
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


class Unset(Exception):
    """A name that this function's environment should hold is missing: the cause of a StorageBroken."""


def named(name: str | None, setting: str) -> str:
    """The name of a table, bucket or queue. Raises StorageBroken where the environment does not tell it."""
    if name is None:
        raise StorageBroken from Unset(f"{setting} is not set")
    return name


@contextmanager
def told() -> Iterator[None]:
    """Raises Busy for what passes by itself, Denied where the caller judges, else StorageBroken."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004

    try:
        yield
    except ClientError as exc:
        raise _judged(exc.operation_name, exc.response) from exc
    except (ConnectionError, HTTPClientError) as exc:
        raise Busy(retry_after=_RETRY_AFTER) from exc
    except (Boto3Error, BotoCoreError) as exc:
        if isinstance(exc.__context__, ClientError):  # as S3's transfers wrap them
            raise _judged(exc.__context__.operation_name, exc.__context__.response) from exc
        log("aws.failed", level="ERROR", reason=str(exc))
        raise StorageBroken from exc


def _judged(operation: str, response: dict[str, Any]) -> Exception:
    error = response.get("Error", {})
    code = str(error.get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons = tuple(str(reason.get("Code")) for reason in response.get("CancellationReasons", ()))
    if status >= 500 or any(reason in _THROTTLED for reason in reasons):
        return Busy(retry_after=_RETRY_AFTER)
    return Denied(code, reasons) if code in _ASKED_ABOUT else refusal(operation, error)


def refusal(operation: str, error: Mapping[str, Any]) -> Busy | StorageBroken:
    """What AWS's own word for a fault is to us, where nobody judges it."""
    code = str(error.get("Code", ""))
    if code in _THROTTLED:
        return Busy(retry_after=_RETRY_AFTER)
    log("aws.refused", level="ERROR", operation=operation, code=code, reason=error.get("Message"))
    return StorageBroken()
