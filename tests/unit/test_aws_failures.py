"""What AWS refuses becomes an error of ours: passing, judged by the caller, or a fault of the set-up."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from common.aws.clients import Clients
from common.aws.failures import Denied, named, told
from common.aws.s3_audio import S3Audio
from common.errors import Busy, EscribaError, StorageBroken

JOB = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


def refused(code: str, status: int = 400, **more: Any) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError({**answer, **more}, "PutItem")  # type: ignore[arg-type, unused-ignore]


@pytest.mark.parametrize(
    "failure",
    [
        refused("ProvisionedThroughputExceededException"),
        refused("ThrottlingException"),
        refused("SlowDown", 503),
        refused("InternalError", 500),
        refused(
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
def test_what_passes_by_itself_is_busy(failure: Exception) -> None:
    with pytest.raises(Busy) as busy, told():
        raise failure
    assert busy.value.retry_after


def test_what_the_caller_asks_about_is_its_to_judge() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    with pytest.raises(Denied) as denied, told():
        raise refused("TransactionCanceledException", CancellationReasons=reasons)
    assert denied.value.reasons == ("None", "ConditionalCheckFailed")
    with pytest.raises(Denied, match="NoSuchKey"), told():
        raise refused("NoSuchKey", 404)


@pytest.mark.parametrize(
    "failure",
    [refused("AccessDeniedException"), refused("ValidationException"), NoCredentialsError()],
    ids=str,
)
def test_the_rest_is_broken_and_said_in_the_log_alone(
    failure: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StorageBroken), told():
        raise failure


def test_what_s3s_transfers_wrap_is_looked_into() -> None:
    def upload(code: str, status: int) -> None:
        try:
            raise refused(code, status)
        except ClientError as exc:
            raise S3UploadFailedError("Failed to upload") from exc

    with pytest.raises(Busy), told():
        upload("SlowDown", 503)
    with pytest.raises(StorageBroken), told():
        upload("AccessDenied", 403)
    with pytest.raises(StorageBroken), told():
        raise S3UploadFailedError("no reason at all")


@pytest.mark.parametrize(
    ("code", "failure"), [("InternalError", Busy), ("SlowDown", Busy), ("AccessDenied", StorageBroken)]
)
async def test_what_s3_did_not_remove_is_no_success(
    code: str, failure: type[EscribaError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers 200, and names each object that it left."""
    bucket = boto3.client("s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(Clients, "_make", lambda *_: bucket)
    audio = S3Audio(Clients(), "my-bucket", seconds=300)
    left = [{"Key": f"audio/{JOB}", "Code": code, "Message": "…"}]
    with Stubber(bucket) as answers:
        answers.add_response("delete_objects", {"Errors": left})
        answers.add_response("delete_objects", {})
        with pytest.raises(failure):
            await audio.remove(JOB)
        await audio.remove(JOB)


def test_a_name_that_is_not_set_is_said_by_its_variable() -> None:
    assert named("jobs", "JOBS_TABLE") == "jobs"
    with pytest.raises(StorageBroken) as broken:
        named(None, "JOBS_TABLE")
    assert "JOBS_TABLE is not set" in str(broken.value.__cause__)
