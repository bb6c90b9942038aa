"""Reading of JSONL and CSV files, plain and gzipped, valid and invalid."""

import gzip
import io
from pathlib import Path

import pytest

from deploy.cli.submit.rows import BadRow, RowSource, SourceRow, open_source
from shared.errors import Rejected


def read_rows(data: bytes) -> list[SourceRow | BadRow]:
    return list(RowSource(io.BytesIO(data), size=len(data)).rows())


def test_a_json_line_is_a_row_with_its_line_number() -> None:
    assert read_rows(b'{"a": 1}\n\n{"a": 2}') == [SourceRow(1, {"a": 1}), SourceRow(3, {"a": 2})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "not JSON"),
        (b"[1]", "expected a JSON object"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": ' + b"[" * 200_000, "not JSON that can be read"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON that can be read"),
    ],
)
def test_a_bad_json_line_is_reported_and_its_neighbours_are_read(line: bytes, reason: str) -> None:
    records = read_rows(b'{"a": 1}\n' + line + b'\n{"a": 3}\n')
    assert [row.line for row in records] == [1, 2, 3]
    assert isinstance(records[1], BadRow)
    assert reason in records[1].reason


def test_a_very_long_line_is_skipped_without_loading_it() -> None:
    records = read_rows(b'{"a": 1}\n{"a": "' + b"x" * (9 * 1024 * 1024) + b'"}\n{"a": 3}\n')
    assert records == [SourceRow(1, {"a": 1}), BadRow(2, "longer than 4 MiB"), SourceRow(3, {"a": 3})]


def test_a_reason_never_repeats_content_of_the_row() -> None:
    records = read_rows(b'{"a": 1}\n{"name": "Customer 12", oops\n')[1]
    assert isinstance(records, BadRow)
    assert "Customer" not in records.reason


def test_gzip_is_recognised_by_its_content_and_not_by_a_name() -> None:
    assert read_rows(gzip.compress(b'{"a": 1}\n')) == [SourceRow(1, {"a": 1})]


def test_an_incomplete_gzip_yields_its_rows_and_then_an_error() -> None:
    data = gzip.compress(b"".join(b'{"a": %d, "b": "%x"}\n' % (n, n * n * 7919) for n in range(20_000)))
    records = []
    with pytest.raises(Rejected, match="incomplete"):
        records.extend(RowSource(io.BytesIO(data[:-2000]), size=None).rows())
    iterator = RowSource(io.BytesIO(data[:-2000]), size=None).rows()
    assert next(iterator) == SourceRow(1, {"a": 0, "b": "0"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_with_any_usual_delimiter(delimiter: str) -> None:
    text = delimiter.join(["id", "text"]) + "\n" + delimiter.join(["1", "broken"]) + "\n"
    assert read_rows(text.encode()) == [SourceRow(2, {"id": "1", "text": "broken"})]


def test_csv_from_a_spreadsheet_has_a_byte_order_mark_and_quoted_line_breaks() -> None:
    data = b'\xef\xbb\xbfid,text\r\n1,"two\r\nlines, one cell"\r\n2,plain\r\n'
    assert read_rows(data) == [
        SourceRow(2, {"id": "1", "text": "two\r\nlines, one cell"}),
        SourceRow(4, {"id": "2", "text": "plain"}),
    ]


def test_a_csv_row_with_other_columns_than_the_header_is_reported() -> None:
    assert read_rows(b"id,text\n1\n2,ok\n") == [
        BadRow(2, "has 1 columns where the header has 2"),
        SourceRow(3, {"id": "2", "text": "ok"}),
    ]


def test_a_csv_row_that_is_not_utf8_is_reported() -> None:
    assert read_rows(b"id,text\n1,caf\xe9\n2,ok\n") == [BadRow(2, "not UTF-8"), SourceRow(3, {"id": "2", "text": "ok"})]


def test_a_csv_header_in_another_encoding_is_an_error_with_the_solution() -> None:
    with pytest.raises(Rejected, match="iconv"):
        read_rows(b"id,r\xe9clamation\n1,x\n")


def test_a_csv_header_that_names_a_column_twice_is_refused() -> None:
    with pytest.raises(Rejected, match="each once; id"):
        read_rows(b"id,id\n1,2\n")


def test_a_json_array_is_refused_with_the_solution() -> None:
    with pytest.raises(Rejected, match="one JSON object per line"):
        read_rows(b'[{"a": 1}]')


def test_an_empty_file_has_no_rows_to_read() -> None:
    with pytest.raises(Rejected, match="name its columns"):
        read_rows(b"")


def test_a_missing_file_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="no such file"):
        open_source(tmp_path / "nothing.jsonl", io.BytesIO)


def test_the_position_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000))
    with open_source(path, io.BytesIO) as source:
        assert len(list(source.rows())) == 1000
        assert source.position == source.size
