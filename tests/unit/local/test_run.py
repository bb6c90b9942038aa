"""Signals: they stop a running stack in whichever thread they arrive."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import signal, sys, threading, traceback
from deploy.local.run import handle_signals, wait_for_stop

class Stack:
    stopping = threading.Event()

def receive_signal():
    main = threading.main_thread().ident
    names = []
    while names[-3:] != ["wait_for_stop", "wait", "wait"]:
        names = [frame.name for frame in traceback.extract_stack(sys._current_frames()[main])]
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=receive_signal, daemon=True).start()
with handle_signals(Stack):
    sys.exit(wait_for_stop(Stack))
"""


def test_a_signal_received_by_another_thread_stops_the_stack() -> None:
    """Test that the main thread wakes up although another thread received the signal."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, timeout=20, check=False)
    assert process.returncode == 0
