"""CPU sampler: `python -m tests.bench.cpu_sampler OUT MODULE` runs the module and writes the samples when it ends.

A timer that counts CPU time interrupts the main thread, and the signal handler records the stack. Time in C code is
counted for the Python function that called it.
"""

import atexit
import json
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

SAMPLE_SECONDS = 0.004  # seconds of CPU time between two samples
MAX_DEPTH = 60


class Sampler:
    """Counter of stacks; a stack is `module:function` from outermost to innermost."""

    def __init__(self) -> None:
        self.stacks: Counter[tuple[str, ...]] = Counter()
        self.used = 0.0  # CPU seconds of the main thread at the last sample

    def note(self, _signal: int, frame: FrameType | None) -> None:
        """Record one sample. The timer counts all threads; without CPU time of the main thread it is another's."""
        before, self.used = self.used, time.thread_time()
        if self.used - before < SAMPLE_SECONDS / 2:
            self.stacks["other threads:",] += 1
            return
        stack: list[str] = []
        while frame is not None and len(stack) < MAX_DEPTH:
            code = frame.f_code
            stack.append(f"{frame.f_globals.get('__name__', '?')}:{code.co_qualname}")
            if code.co_filename.startswith("<frozen importlib"):
                return  # imports at the start are not measured
            frame = frame.f_back
        self.stacks[tuple(reversed(stack))] += 1

    def write(self, path: Path) -> None:
        """Write own and inclusive counts by function, largest first, and the stacks."""
        total = sum(self.stacks.values())
        own: Counter[str] = Counter()
        inclusive: Counter[str] = Counter()
        for stack, count in self.stacks.items():
            own[stack[-1]] += count
            inclusive.update(dict.fromkeys(stack, count))
        shares = {"own": own.most_common(40), "inclusive": inclusive.most_common(120)}
        folded = [[";".join(stack), count] for stack, count in self.stacks.most_common(2000)]
        path.write_text(json.dumps({"samples": total, "every": SAMPLE_SECONDS, **shares, "stacks": folded}), "utf-8")


def main() -> None:
    """Run the module under the sampler."""
    out, module = Path(sys.argv[1]), sys.argv[2]
    sampler = Sampler()
    atexit.register(sampler.write, out)
    signal.signal(signal.SIGPROF, sampler.note)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.setitimer(signal.ITIMER_PROF, SAMPLE_SECONDS, SAMPLE_SECONDS)
    sys.argv = [module]
    try:
        runpy.run_module(module, run_name="__main__")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
