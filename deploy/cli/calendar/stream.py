"""`redress calendar compute`: lines in, lines out, one at a time, so that a stream may be as long as it likes."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from deploy.cli.calendar.line import MOST_BYTES, answer
from deploy.cli.calendar.written import Book
from shared.errors import Misconfigured

_BOM = b"\xef\xbb\xbf"


def compute_file(file: Path | None) -> None:
    """Answer every line of that file, or of standard input. Raises `Misconfigured` where it cannot be read."""
    if file is None or str(file) == "-":
        compute(sys.stdin.buffer)
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from None
    with closing(source):
        compute(source)


def compute(source: BinaryIO) -> None:
    """Answer every line on standard output. Quiet where nobody reads on."""
    book, write = Book(), sys.stdout.write
    seen = sys.stdout.isatty()
    try:
        for line in lines(source):
            write(answer(line, book) + "\n")
            if seen:
                sys.stdout.flush()
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end and would complain; let it write to nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def lines(source: BinaryIO) -> Iterator[bytes]:
    """Line by line; of one that is too long, one byte more than is accepted and not the rest."""
    first = True
    while line := source.readline(MOST_BYTES + 1):
        whole = line
        while len(line) > MOST_BYTES and not line.endswith(b"\n"):
            line = source.readline(MOST_BYTES + 1)
        yield whole.removeprefix(_BOM) if first else whole
        first = False
