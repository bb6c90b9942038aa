"""Run the stack as the main work of a program: signals, exit code, and no process left running."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from deploy.local.background import BackgroundTask, Interrupted
from deploy.local.processes import kill_descendants
from deploy.local.stack import CHECK_SECONDS, Stack
from shared.errors import Misconfigured, RedressError

EXIT_MISCONFIGURED, EXIT_UNAVAILABLE = 2, 3


def run(stack: Stack, *, report: Callable[[str], None], work: Callable[[Stack], int] | None = None) -> int:
    """Start the stack, run `work` or wait for SIGINT or SIGTERM, then stop everything. Return the exit code.

    2: a setting is wrong. 3: a server does not answer.

    `work` runs while everything is up and supervised. If it takes long, it should check `stack.stopping`.
    """
    with handle_signals(stack):
        try:
            stack.start(report)
            supervision = BackgroundTask("supervisor", lambda: _supervise(stack), threading.Event())
            code = work(stack) if work else wait_for_stop(stack)
            stack.stopping.set()
            supervision.wait()
        except Interrupted:
            code = 0
        except RedressError as error:
            sys.stderr.write(f"{error.detail}\n")
            code = EXIT_MISCONFIGURED if isinstance(error, Misconfigured) else EXIT_UNAVAILABLE
        finally:
            stack.stop()
            kill_descendants()  # a download or a format of Kafka's data that a signal interrupted
    return code


def wait_for_stop(stack: Stack) -> int:
    """Wait until a signal sets `stack.stopping`. Return exit code 0.

    The main thread polls: if two signals arrive at once, another thread may receive both, and a wait without timeout
    would never return.
    """
    while not stack.stopping.wait(CHECK_SECONDS):
        pass
    return 0


def _supervise(stack: Stack) -> None:
    try:
        stack.supervise()
    finally:
        stack.stopping.set()  # `run` reports the error that ended the supervision


@contextlib.contextmanager
def handle_signals(stack: Stack) -> Iterator[None]:
    """Set `stack.stopping` on SIGINT or SIGTERM. Further signals do not disturb the orderly stop."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stack.stopping.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
