"""What an error of asyncpg means here."""

from __future__ import annotations

from common.errors import Busy, EscribaError, JobNotFound, StorageBroken, StorageFull, StoreUnavailable

RETRY_AFTER = 2.0

# https://www.postgresql.org/docs/current/errcodes-appendix.html: classes of errors in which the server is
# away, stops, starts, or takes no more connections; 25006: it is a standby just now.
_AWAY = ("08", "57P", "53300", "25006")
# Out of disk; and, by some providers, past the size of the plan.
_FULL = ("53100", "54000")
# Deadlocks, serialization failures, locks that were not had in time.
_BUSY = ("40", "55P03", "57014")


def is_lost(exc: BaseException) -> bool:
    """Whether the connection is gone, or none could be made."""
    import asyncpg

    if isinstance(exc, asyncpg.PostgresError):
        return _code(exc).startswith(_AWAY)
    return isinstance(exc, OSError | TimeoutError | EOFError | asyncpg.InterfaceError)


def is_untrusted(exc: BaseException) -> bool:
    """Whether the server could not prove who it is, which waiting does not change."""
    import ssl

    return isinstance(exc, ssl.SSLCertVerificationError)


def to_escriba_error(exc: Exception) -> EscribaError:
    import asyncpg

    if is_lost(exc):
        return StoreUnavailable(retry_after=RETRY_AFTER)
    if isinstance(exc, asyncpg.ForeignKeyViolationError):
        return JobNotFound()  # every foreign key points at a job
    if isinstance(exc, asyncpg.PostgresError):
        if _code(exc).startswith(_FULL):
            return StorageFull()
        if _code(exc).startswith(_BUSY):
            return Busy(retry_after=RETRY_AFTER)
    return StorageBroken()


def _code(exc: Exception) -> str:
    return str(getattr(exc, "sqlstate", None) or "")
