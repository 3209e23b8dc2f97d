"""Every minute: bring back lost jobs, let go of old ones, tell again what nobody has confirmed or heard."""

from __future__ import annotations

from common.lambda_entry.handlers import schedule_handler

handler = schedule_handler()
