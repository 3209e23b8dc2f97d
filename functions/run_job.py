"""SQS: run the jobs that messages bring, and take in the recordings that have come to S3."""

from __future__ import annotations

from common.lambda_entry.handlers import queue_handler

handler = queue_handler()
