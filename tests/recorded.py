"""Events as AWS passes them to functions: those recorded in tests/events, with the values of a test."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.server import ROOT

Event = dict[str, Any]


def recorded(name: str) -> Event:
    event: Event = json.loads((ROOT / "tests" / "events" / f"{name}.json").read_text())
    return event


def http_event(request: httpx.Request, *, host: bytes | None = None) -> Event:
    """A request as an HTTP API passes it on: header names in small letters, a body in base64."""
    event, parts = recorded("http"), urlsplit(str(request.url))
    body = request.read()
    event["headers"] |= {name.lower(): value for name, value in request.headers.items() if name != "host"}
    if host is not None:
        event["headers"] |= {"host": host.decode(), "x-forwarded-proto": parts.scheme}
    event["routeKey"] = event["requestContext"]["routeKey"] = f"{request.method} {parts.path}"
    event["requestContext"]["http"] |= {"method": request.method, "path": parts.path}
    event |= {"rawPath": parts.path, "rawQueryString": parts.query}
    if body:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return event


def sqs_event(*bodies: str) -> Event:
    (record,) = recorded("sqs")["Records"]
    return {
        "Records": [
            {
                **record,
                "messageId": str(uuid.uuid4()),
                "body": body,
                "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
            }
            for body in bodies
        ]
    }


def event_of(message: dict[str, Any]) -> Event:
    """The event for a message as SQS gave it, so that its function can hide the message for longer."""
    event = sqs_event(message["Body"])
    event["Records"][0]["receiptHandle"] = message["ReceiptHandle"]
    return event


def s3_body(key: str, bucket: str) -> str:
    """S3's message about a new object."""
    event = recorded("s3")
    event["Records"][0]["s3"]["object"]["key"] = key
    event["Records"][0]["s3"]["bucket"]["name"] = bucket
    return json.dumps(event)


def socket_event(kind: str, connection: str, body: object = None, **headers: str) -> Event:
    """`kind` is connect, message or disconnect."""
    event = recorded(f"websocket-{kind}")
    event["requestContext"]["connectionId"] = connection
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    if headers:
        event["headers"] |= headers
    return event
