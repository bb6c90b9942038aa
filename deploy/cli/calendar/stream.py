"""`redress calendar compute`: read lines and write results one at a time, for streams of any length."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import TextIO, cast

from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compute import LINE_BYTES_MAX, compute_line
from shared.errors import Misconfigured, Rejected

_BOM = b"\xef\xbb\xbf"
_CHUNK = 65_536  # bytes, the capacity of a pipe


def compute_file(file: Path | None) -> None:
    """Compute every line of a file, or of standard input.

    Raises `Misconfigured` if the input cannot be read, and `Rejected` if the results cannot be written.
    """
    if sys.stdout is None:
        raise Rejected("cannot write results: standard output is closed")
    if file is None or str(file) == "-":
        if sys.stdin is None:
            raise Misconfigured("cannot read lines: standard input is closed")
        _compute(sys.stdin.buffer)
        return
    try:
        source = file.open("rb")
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from None
    with closing(source):
        _compute(source)


def _compute(source: object) -> None:
    """Compute a stream; end without an error when the reader of the results is closed."""
    try:
        compute_stream(cast("BufferedIOBase", source), sys.stdout)
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise Rejected(f"cannot read lines or write results: {error.strerror}") from None


def _discard_output() -> None:
    """Redirect standard output to the null device, because Python flushes it at exit and would raise again."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def compute_stream(source: BufferedIOBase, results: TextIO) -> None:
    """Compute every line. Results are flushed before each wait for input, so that a program may send single lines."""
    calendars, write = CalendarCache(), results.write
    for line in read_lines(source, results.flush):
        write(compute_line(line, calendars) + "\n")
    results.flush()


def read_lines(source: BufferedIOBase, before_more: Callable[[], object] = lambda: None) -> Iterator[bytes]:
    """Yield lines without their line ends; of a line that is too long, only a little more than is accepted.

    `before_more` is called before each read, which may block.
    """
    for number, line in enumerate(_split(_chunks(source, before_more))):
        yield line.removeprefix(_BOM) if number == 0 else line


def _chunks(source: BufferedIOBase, before_more: Callable[[], object]) -> Iterator[bytes]:
    before_more()
    while chunk := source.read1(_CHUNK):
        yield chunk
        before_more()


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        if len(rest) > LINE_BYTES_MAX + _CHUNK and b"\n" not in chunk:
            continue
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
