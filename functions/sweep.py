"""Every minute: bring back lost jobs, let go of old ones, tell again what nobody has confirmed or heard."""

from __future__ import annotations

from common.lambda_entry import schedule

handler = schedule()
