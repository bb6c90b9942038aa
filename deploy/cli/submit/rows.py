"""Read rows from JSONL or CSV, plain or gzipped, from a file or a pipe. A bad row is reported and skipped."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Literal, Self, TypeAlias

from shared.errors import Rejected

Format = Literal["jsonl", "csv"]
GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
LINE_MAX_BYTES = 4 * 1024 * 1024  # far above the limit of intake, and small enough for the memory of any machine
FORMAT_BY_SUFFIX: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}
DELIMITERS = ",;\t|"
Lines: TypeAlias = "io.BufferedReader[Any]"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Record of the source; `line` is the line where it begins, counted from 1."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """Record that cannot be read; the reason contains nothing of its content."""

    line: int
    reason: str


class RowSource:
    """Open source; `position` is available while it is read."""

    def __init__(self, raw: BinaryIO, *, size: int | None) -> None:
        self._raw = _CountedStream(raw)
        self.size = size  # bytes as stored, None for a pipe
        buffered = io.BufferedReader(self._raw)
        is_gzip = buffered.peek(2)[:2] == GZIP_MAGIC
        self._lines: Lines = io.BufferedReader(gzip.GzipFile(fileobj=buffered) if is_gzip else buffered)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()

    @property
    def position(self) -> int:
        """Bytes read from the source so far, compressed if it is compressed."""
        return self._raw.bytes_read

    def rows(self, form: Format | None = None) -> Iterator[SourceRow | BadRow]:
        """Iterate over all records in order. Raises `Rejected` if the source cannot be read further."""
        lines = self._lines
        try:
            start = lines.peek(4096).removeprefix(BOM).lstrip()[:1]
            if start == b"[" and form is None:
                raise Rejected(
                    "The file contains one JSON array. Write one JSON object per line (jq -c '.[]' does that)."
                )
            form = form or ("jsonl" if start == b"{" else "csv")
            yield from _READERS[form](lines)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise Rejected("The compressed file is damaged or incomplete; the rows before were read.") from None


class _CountedStream(io.RawIOBase):
    """Raw stream that counts the bytes read from it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self.bytes_read += len(data)
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def guess_format(name: str) -> Format | None:
    """Guess the format from the file name; None if its suffix is unknown."""
    suffixes = Path(name.removesuffix(".gz")).suffixes[-1:]
    return FORMAT_BY_SUFFIX.get(suffixes[0].lower()) if suffixes else None


def open_source(path: Path, stdin: Callable[[], BinaryIO]) -> RowSource:
    """Open the file, or standard input for `-`. Raises `Rejected` if it cannot be opened."""
    if str(path) == "-":
        return RowSource(stdin(), size=None)
    try:
        return RowSource(path.open("rb"), size=path.stat().st_size)
    except OSError as error:
        raise Rejected(f"Cannot read {path}: {(error.strerror or 'unknown reason').lower()}.") from None


def _read_jsonl(lines: Lines) -> Iterator[SourceRow | BadRow]:
    number = 0
    while line := lines.readline(LINE_MAX_BYTES + 1):
        number += 1
        if len(line) > LINE_MAX_BYTES:
            while line and not line.endswith(b"\n"):
                line = lines.readline(LINE_MAX_BYTES)
            yield BadRow(number, f"longer than {LINE_MAX_BYTES // 1024 // 1024} MiB")
        elif line.removeprefix(BOM).strip():
            yield _parse_json_row(number, line.removeprefix(BOM) if number == 1 else line)


def _parse_json_row(number: int, line: bytes) -> SourceRow | BadRow:
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError:
        return BadRow(number, "not UTF-8")
    except json.JSONDecodeError as error:
        return BadRow(number, f"not JSON: {error.msg} at column {error.colno}")
    except (ValueError, RecursionError):
        return BadRow(number, "not JSON that can be read: a number too long or nesting too deep")
    if not isinstance(values, dict):
        return BadRow(number, "expected a JSON object, got something else")
    return SourceRow(number, values)


def _read_csv(lines: Lines) -> Iterator[SourceRow | BadRow]:
    csv.field_size_limit(LINE_MAX_BYTES)
    text = io.TextIOWrapper(lines, "utf-8-sig", errors="surrogateescape", newline="")
    head = text.readline()
    reader = csv.reader(_chain(head, text), delimiter=_guess_delimiter(head))
    header = [name.strip() for name in next(reader, [])]
    _check_header(header)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(line, f"not CSV: {error}")
            continue
        if cells:
            yield _parse_csv_row(line, header, cells)


def _chain(head: str, rest: IO[str]) -> Iterator[str]:
    yield head
    yield from rest


def _guess_delimiter(head: str) -> str:
    return max(DELIMITERS, key=head.count)


def _check_header(header: list[str]) -> None:
    if any("\udc80" <= char <= "\udcff" for name in header for char in name):
        raise Rejected("The file is not UTF-8. Convert it first, for example with iconv -f WINDOWS-1252 -t UTF-8.")
    duplicates = sorted({name for name in header if header.count(name) > 1})
    if not header or duplicates:
        raise Rejected(
            "The first line of a CSV file must name its columns, each once"
            + f"; {', '.join(duplicates)}" * bool(duplicates)
            + "."
        )


def _parse_csv_row(line: int, header: list[str], cells: list[str]) -> SourceRow | BadRow:
    if len(cells) != len(header):
        return BadRow(line, f"has {len(cells)} columns where the header has {len(header)}")
    if any("\udc80" <= char <= "\udcff" for cell in cells for char in cell):
        return BadRow(line, "not UTF-8")
    return SourceRow(line, dict(zip(header, cells, strict=True)))


_READERS: dict[Format, Callable[[Lines], Iterator[SourceRow | BadRow]]] = {"jsonl": _read_jsonl, "csv": _read_csv}
