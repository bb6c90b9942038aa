"""References of complaints: alphabet, check symbol and typed forms."""

import pytest

from services.intake.domain.reference import (
    ALPHABET,
    EXAMPLE,
    SPACE,
    InvalidReference,
    format_reference,
    parse_reference,
)


def test_the_alphabet_contains_no_symbols_that_look_alike() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
    assert not set("OILSU") & set(ALPHABET)


def test_the_documented_example_is_a_valid_reference() -> None:
    assert parse_reference(EXAMPLE) == EXAMPLE


@pytest.mark.parametrize(
    "typed",
    ["rc-7k3m-9qpx-5", " RC 7K3M 9QPX 5 ", "7K3M9QPX5", "rc7k3m9qpxs", "RC.7K3M.9QPX.5", "RC-7K3M-9QPX-S"],
)
def test_a_typed_reference_is_normalised(typed: str) -> None:
    assert parse_reference(typed) == EXAMPLE


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    reference = format_reference(1)
    assert reference.startswith("RC-0000-0001-")
    assert parse_reference(reference.replace("0000-0001", "OOoO-ooOI")) == reference
    assert parse_reference(reference.replace("0000-0001", "0OoO-oo0l")) == reference


@pytest.mark.parametrize(
    "typed", ["", "RC-", "RC-7K3M-9QPX", "RC-7K3M-9QPX-55", "RC-7K3M-9QPX-4", "RC-7K3M-9QPÄ-5", "X" * 5000]
)
def test_an_invalid_reference_is_refused_without_quoting_it(typed: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_reference(typed)
    assert str(caught.value) == f"expected a reference such as {EXAMPLE}; check each symbol and their order"


@pytest.mark.parametrize("number", [-1, SPACE])
def test_a_number_out_of_range_has_no_reference(number: int) -> None:
    with pytest.raises(ValueError, match="expected a number from 0"):
        format_reference(number)


def test_the_first_and_the_last_number_have_different_references() -> None:
    assert parse_reference(format_reference(0)) != parse_reference(format_reference(SPACE - 1))
