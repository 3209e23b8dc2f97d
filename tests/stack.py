"""A table, a bucket and a queue of their own on the emulator, as template.yaml describes them."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.emulator import Emulator
from tests.template import resources


@dataclass(frozen=True)
class Names:
    table: str
    bucket: str
    queue: str  # its URL


@contextmanager
def stack_of(emulator: Emulator) -> Iterator[Names]:
    """Empty, and gone at the end."""
    name = f"test-{uuid.uuid4()}"
    dynamodb, s3, sqs = (emulator.client(service) for service in ("dynamodb", "s3", "sqs"))
    dynamodb.create_table(TableName=name, **_table())
    s3.create_bucket(Bucket=name)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield Names(table=name, bucket=name, queue=url)
    dynamodb.delete_table(TableName=name)
    sqs.delete_queue(QueueUrl=url)


def _table() -> dict[str, Any]:
    described = resources("AWS::DynamoDB::Table")["JobsTable"]
    kept = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {name: described[name] for name in kept}


class QueueReader:
    """A worker's side of a queue; messages that it takes stay hidden until it drops them."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self._sqs = emulator.client("sqs")
        self._url = url
        self._receipts: list[str] = []

    def take(self, seconds: float) -> list[str]:
        """The jobs of the messages that come within that time."""
        time.sleep(seconds)
        job_ids: list[str] = []
        while messages := self._receive():
            self._receipts += [message["ReceiptHandle"] for message in messages]
            job_ids += [json.loads(message["Body"])["jobId"] for message in messages]
        return job_ids

    def bodies(self) -> list[str]:
        """Receive and delete what there is now."""
        messages = self._receive()
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def drop(self) -> None:
        """As when the worker's time is over: another may take all that this one took."""
        for receipt in self._receipts:
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=0
            )
        self._receipts.clear()

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, VisibilityTimeout=600)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages
