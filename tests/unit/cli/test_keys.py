"""Idempotency keys of rows: equal rows have equal keys, and a key does not reveal its row."""

from pathlib import Path

import pytest

from deploy.cli.submit.keys import compute_key, load_secret
from deploy.cli.submit.rows import SourceRow
from shared.errors import Rejected

ROW = SourceRow(1, {"id": "A-1", "text": "It broke."})


def test_equal_content_has_the_same_key_on_every_line() -> None:
    assert compute_key(ROW, b"s") == compute_key(SourceRow(99, {"text": "It broke.", "id": "A-1"}), b"s")


def test_other_content_has_another_key() -> None:
    assert compute_key(ROW, b"s") != compute_key(SourceRow(1, {"id": "A-1", "text": "It broke!"}), b"s")


def test_another_secret_gives_another_key() -> None:
    assert compute_key(ROW, b"s") != compute_key(ROW, b"t")


def test_a_key_column_alone_decides_the_key() -> None:
    changed = SourceRow(1, {"id": "A-1", "text": "corrected"})
    assert compute_key(ROW, b"s", column="id") == compute_key(changed, b"s", column="id")


def test_an_empty_key_column_is_refused() -> None:
    with pytest.raises(Rejected, match="key column order"):
        compute_key(ROW, b"s", column="order")


def test_a_key_is_valid_for_intake_and_does_not_contain_the_row() -> None:
    key = compute_key(SourceRow(1, {"id": "A-1 \ud800"}), b"s", column="id")
    assert key.isascii()
    assert 1 <= len(key) <= 200
    assert "A-1" not in key


def test_the_secret_is_created_once_and_readable_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDRESS_SUBMIT_SECRET", raising=False)
    first = load_secret(tmp_path)
    assert first == load_secret(tmp_path)
    assert (tmp_path / "secrets" / "submit").stat().st_mode & 0o077 == 0


def test_machines_that_share_a_secret_share_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRESS_SUBMIT_SECRET", "shared")
    assert load_secret(tmp_path / "a") == load_secret(tmp_path / "b")
