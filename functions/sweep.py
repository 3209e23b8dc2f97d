"""Every minute: requeues lost jobs, deletes expired ones, and sends again what was not confirmed."""

from __future__ import annotations

from common.lambda_entry.handlers import schedule_handler

handler = schedule_handler()
