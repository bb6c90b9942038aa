"""The stack as a program's main work: signals, exit code, and no process left behind."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from deploy.local.background import Interrupted, Work
from deploy.local.processes import end_descendants
from deploy.local.stack import LOOK_SECONDS, Stack
from shared.errors import Misconfigured, RedressError

EXIT_MISCONFIGURED, EXIT_UNAVAILABLE = 2, 3


def run(stack: Stack, *, tell: Callable[[str], None], work: Callable[[Stack], int] | None = None) -> int:
    """Start, do `work` or stay until SIGINT or SIGTERM, stop everything. Returns the exit code.

    2: a setting is wrong. 3: something we need does not answer.

    `work` runs while everything is up and supervised; it should look at `stack.stopping` when it takes long.
    """
    with signals(stack):
        try:
            stack.start(tell)
            watching = Work("supervisor", lambda: _watch(stack), threading.Event())
            code = work(stack) if work else stay(stack)
            stack.stopping.set()
            watching.wait()
        except Interrupted:
            code = 0
        except RedressError as error:
            sys.stderr.write(f"{error.detail}\n")
            code = EXIT_MISCONFIGURED if isinstance(error, Misconfigured) else EXIT_UNAVAILABLE
        finally:
            stack.stop()
            end_descendants()  # a fetch or a format that a signal interrupted
    return code


def stay(stack: Stack) -> int:
    """Up until a signal. We look ourselves: of two signals at once another thread may take both and wake nobody."""
    while not stack.stopping.wait(LOOK_SECONDS):
        pass
    return 0


def _watch(stack: Stack) -> None:
    try:
        stack.watch()
    finally:
        stack.stopping.set()  # what made it end is told by `run`


@contextlib.contextmanager
def signals(stack: Stack) -> Iterator[None]:
    """The first SIGINT or SIGTERM begins an orderly stop; more of them do not disturb it."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stack.stopping.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
