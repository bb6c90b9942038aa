"""Classification of transient failures, and retries with backoff."""

import asyncpg
from aiokafka.errors import KafkaError
from asyncpg import exceptions as pg
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    stop_never,
    wait_random_exponential,
)

from shared.errors import Unavailable

TRANSIENT = (
    OSError,  # includes ConnectionError and TimeoutError
    Unavailable,
    KafkaError,
    asyncpg.InterfaceError,  # the connection or the pool was closed during the call
    pg.PostgresConnectionError,
    pg.TransactionRollbackError,  # serialization failure, deadlock
    pg.OperatorInterventionError,  # shutdown, crash, cancelled
    pg.InsufficientResourcesError,  # disk full, too many connections
    pg.LockNotAvailableError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.ReadOnlySQLTransactionError,  # a failover is in progress
    pg.InternalClientError,
)


def is_transient(error: BaseException) -> bool:
    """Return True if the same work may succeed later without a change by anybody."""
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, asyncpg.DataError | ValueError):
        return False  # asyncpg raises an InterfaceError for an argument that it cannot encode; that never succeeds
    return isinstance(error, TRANSIENT)


def retry_transient(seconds: float | None = None, *, wait_max: float = 5.0) -> AsyncRetrying:
    """Return attempts that repeat after transient failures, with jittered exponential waits of at most `wait_max` s.

    Stops after `seconds`, or never if None, and raises the last error.
    """
    return AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.05, max=wait_max),
        stop=stop_after_delay(seconds) if seconds is not None else stop_never,
        reraise=True,
    )


def retry_on(kind: type[Exception], *, attempts: int = 20) -> AsyncRetrying:
    """Return attempts that repeat at short intervals after an exception of this class, for work that rolls back."""
    return AsyncRetrying(
        retry=retry_if_exception_type(kind),
        wait=wait_random_exponential(multiplier=0.005, max=0.5),
        stop=stop_after_attempt(attempts),
        reraise=True,
    )
