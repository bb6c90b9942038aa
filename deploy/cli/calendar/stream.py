"""`redress calendar compute`: lines in, lines out, one at a time, so that a stream may be as long as it likes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from io import BufferedIOBase
from pathlib import Path
from typing import TextIO, cast

from deploy.cli.calendar.cache import CalendarCache
from deploy.cli.calendar.compute import MOST_BYTES, answer
from shared.errors import Misconfigured, Rejected

_BOM = b"\xef\xbb\xbf"
_CHUNK = 65_536  # bytes, as much as a pipe holds


def compute_file(file: Path | None) -> None:
    """Answer every line of that file, or of standard input.

    Raises `Misconfigured` where it cannot be read and `Rejected` where the answers cannot be written.
    """
    if sys.stdout is None:
        raise Rejected("cannot write answers: standard output is closed")
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
    """Quiet where nobody reads on."""
    try:
        compute(cast("BufferedIOBase", source), sys.stdout)
    except BrokenPipeError:
        _write_to_nowhere()
    except OSError as error:
        _write_to_nowhere()
        raise Rejected(f"cannot read lines or write answers: {error.strerror}") from None


def _write_to_nowhere() -> None:
    """Python flushes once more at its end and would complain about the same."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def compute(source: BufferedIOBase, answers: TextIO) -> None:
    """Answer every line. Who writes one and waits has its answer: nothing is held back while we wait for more."""
    book, write = CalendarCache(), answers.write
    for line in lines(source, answers.flush):
        write(answer(line, book) + "\n")
    answers.flush()


def lines(source: BufferedIOBase, before_more: Callable[[], object] = lambda: None) -> Iterator[bytes]:
    """Line by line without its end; of one that is too long, a little more than is accepted and not the rest.

    `before_more` is called before each reading, which may have to wait.
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
        if len(rest) > MOST_BYTES + _CHUNK and b"\n" not in chunk:
            continue
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest
