"""Properties of references: typing errors are detected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.reference import ALPHABET, SPACE, InvalidReference, format_reference, parse_reference

numbers = st.integers(0, SPACE - 1)
places = st.integers(0, 8)


def symbols(reference: str) -> list[str]:
    return list(reference.removeprefix("RC").replace("-", ""))


@given(numbers)
def test_every_reference_is_parsed_as_itself(number: int) -> None:
    reference = format_reference(number)
    assert parse_reference(reference) == reference
    assert parse_reference(" ".join(reference.lower())) == reference


@given(numbers, numbers)
def test_two_numbers_never_share_a_reference(first: int, second: int) -> None:
    assert (format_reference(first) == format_reference(second)) == (first == second)


@given(numbers, places, st.sampled_from(ALPHABET))
def test_every_single_wrong_symbol_is_detected(number: int, place: int, wrong: str) -> None:
    typed = symbols(format_reference(number))
    if typed[place] == wrong:
        return
    typed[place] = wrong
    with pytest.raises(InvalidReference):
        parse_reference("".join(typed))


@given(numbers, places, places)
def test_every_swap_of_two_symbols_is_detected(number: int, first: int, second: int) -> None:
    typed = symbols(format_reference(number))
    if typed[first] == typed[second]:
        return
    typed[first], typed[second] = typed[second], typed[first]
    with pytest.raises(InvalidReference):
        parse_reference("".join(typed))


def test_all_wrong_symbols_and_swaps_of_one_reference_are_detected() -> None:
    right = symbols(format_reference(123_456_789_012))
    wrong = [[*right[:n], s, *right[n + 1 :]] for n in range(9) for s in ALPHABET if s != right[n]]
    swapped = [[*right[:n], right[n + 1], right[n], *right[n + 2 :]] for n in range(8) if right[n] != right[n + 1]]
    assert len(wrong) == 9 * 30
    for typed in wrong + swapped:
        with pytest.raises(InvalidReference):
            parse_reference("".join(typed))
