"""AWS's errors become ours: transient ones, those the caller decides upon, faults of the configuration."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from common.aws import errors
from common.aws.clients import Clients
from common.aws.errors import AwsRefusal, require_name, translate_errors
from common.aws.s3_audio import S3Audio
from common.errors import Busy, EscribaError, StorageBroken

JOB = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"
REASON = "what AWS says of it"


def client_error(code: str, status: int = 400, **more: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": REASON}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError({**response, **more}, "PutItem")  # type: ignore[arg-type, unused-ignore]


@pytest.mark.parametrize(
    "failure",
    [
        client_error("ProvisionedThroughputExceededException"),
        client_error("ThrottlingException"),
        client_error("SlowDown", 503),
        client_error("InternalError", 500),
        client_error(
            "TransactionCanceledException",
            CancellationReasons=[
                {"Code": "None"},
                {"Code": "ThrottlingError"},
                {"Code": "ThrottlingException"},
            ],
        ),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=str,
)
def test_a_transient_error_is_busy_and_says_when_to_retry(failure: Exception) -> None:
    with pytest.raises(Busy) as busy, translate_errors():
        raise failure
    assert busy.value.retry_after


def test_what_the_caller_decides_upon_is_raised_with_awss_codes() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    with pytest.raises(AwsRefusal) as refusal, translate_errors():
        raise client_error("TransactionCanceledException", CancellationReasons=reasons)
    assert refusal.value.reasons == ("None", "ConditionalCheckFailed")
    with pytest.raises(AwsRefusal, match="NoSuchKey"), translate_errors():
        raise client_error("NoSuchKey", 404)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (client_error("AccessDeniedException"), REASON),
        (client_error("ValidationException"), REASON),
        (NoCredentialsError(), "Unable to locate credentials"),
    ],
    ids=str,
)
def test_every_other_error_is_a_broken_storage_whose_reason_only_the_log_tells(
    failure: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(errors, "log", lambda event, **fields: logged.append({"event": event, **fields}))
    with pytest.raises(StorageBroken) as broken, translate_errors():
        raise failure
    assert [(line["level"], line["reason"]) for line in logged] == [("ERROR", reason)]
    assert reason not in broken.value.message("en")


def test_an_error_that_s3s_transfers_wrap_is_translated_like_itself() -> None:
    def upload(code: str, status: int) -> None:
        try:
            raise client_error(code, status)
        except ClientError as exc:
            raise S3UploadFailedError("Failed to upload") from exc

    with pytest.raises(Busy), translate_errors():
        upload("SlowDown", 503)
    with pytest.raises(StorageBroken), translate_errors():
        upload("AccessDenied", 403)
    with pytest.raises(StorageBroken), translate_errors():
        raise S3UploadFailedError("no reason at all")


@pytest.mark.parametrize(
    ("code", "failure"), [("InternalError", Busy), ("SlowDown", Busy), ("AccessDenied", StorageBroken)]
)
async def test_an_object_that_s3_did_not_delete_is_an_error_though_s3_answers_200(
    code: str, failure: type[EscribaError], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(Clients, "_make", lambda *_: client)
    audio = S3Audio(Clients(), "my-bucket", ticket_seconds=300)
    left = [{"Key": f"audio/{JOB}", "Code": code, "Message": "…"}]
    with Stubber(client) as answers:
        answers.add_response("delete_objects", {"Errors": left})
        answers.add_response("delete_objects", {})
        with pytest.raises(failure):
            await audio.remove(JOB)
        await audio.remove(JOB)


def test_a_missing_name_is_reported_by_its_variable() -> None:
    assert require_name("jobs", "JOBS_TABLE") == "jobs"
    with pytest.raises(StorageBroken) as broken:
        require_name(None, "JOBS_TABLE")
    assert "JOBS_TABLE is not set" in str(broken.value.__cause__)
