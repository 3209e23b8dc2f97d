"""SQS: runs the jobs that messages name, and starts the jobs whose recordings have arrived in S3."""

from __future__ import annotations

from common.lambda_entry.handlers import queue_handler

handler = queue_handler()
