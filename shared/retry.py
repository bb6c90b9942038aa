"""Which failures pass by themselves, and how to wait for that."""

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
    asyncpg.InterfaceError,  # connection or pool was closed under us
    pg.PostgresConnectionError,
    pg.TransactionRollbackError,  # serialization, deadlock
    pg.OperatorInterventionError,  # shutdown, crash, cancelled
    pg.InsufficientResourcesError,  # disk full, too many connections
    pg.LockNotAvailableError,
    pg.IdleInTransactionSessionTimeoutError,
    pg.ReadOnlySQLTransactionError,  # a fail-over in progress
    pg.InternalClientError,
)


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later without anybody changing it."""
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, asyncpg.DataError | ValueError):
        return False  # asyncpg calls an argument it cannot encode an InterfaceError; that will never work
    return isinstance(error, TRANSIENT)


def patiently(seconds: float | None = None, *, at_most: float = 5.0) -> AsyncRetrying:
    """Attempts with jittered exponential waits of at most `at_most` s; gives up after `seconds`, or never."""
    return AsyncRetrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.05, max=at_most),
        stop=stop_after_delay(seconds) if seconds is not None else stop_never,
        reraise=True,
    )


def anew(kind: type[Exception], *, tries: int = 20) -> AsyncRetrying:
    """Attempts soon after another while work fails with `kind` alone, which leaves nothing behind."""
    return AsyncRetrying(
        retry=retry_if_exception_type(kind),
        wait=wait_random_exponential(multiplier=0.005, max=0.5),
        stop=stop_after_attempt(tries),
        reraise=True,
    )
