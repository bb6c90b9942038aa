"""Signals end a stack that stays up, whichever thread the kernel gives them to."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import signal, sys, threading, traceback
from deploy.local.run import signals, stay

class Stack:
    stopping = threading.Event()

def takes_it():
    main = threading.main_thread().ident
    names = []
    while names[-3:] != ["stay", "wait", "wait"]:
        names = [frame.name for frame in traceback.extract_stack(sys._current_frames()[main])]
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=takes_it, daemon=True).start()
with signals(Stack):
    sys.exit(stay(Stack))
"""


def test_a_signal_that_another_thread_takes_is_heard() -> None:
    """As happens when SIGINT and SIGTERM come at once: the main thread is woken for neither."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, timeout=20, check=False)
    assert done.returncode == 0
