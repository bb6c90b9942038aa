"""Detection of amounts of money in the notations of several countries."""

import pytest

from services.triage.classifier.money import MoneyDetector, parse_amount


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1234", 1234),
        ("1,234", 1234),
        ("1.234", 1234),
        ("12.5", 12.5),
        ("12,50", 12.5),
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("1.500.000", 1_500_000),
        ("1,500,000.5", 1_500_000.5),
        ("7.", 7),
        ("1,,2", 12),
    ],
)
def test_an_amount_is_parsed_in_each_notation(text, value) -> None:
    assert parse_amount(text) == value


@pytest.mark.parametrize(
    ("text", "large"),
    [
        ("it cost $45", False),
        ("it cost $1,450.00", True),
        ("they took 2.500 € from me", True),
        ("they took 25,00 € from me", False),
        ("USD 1200 are missing", True),
        ("NT$ 3000 扣款", False),
        ("saldo hilang Rp 15.000.000", True),
        ("saldo hilang Rp15.000", False),
        ("hilang 20 juta rupiah", True),
        ("mất 25 triệu đồng", True),
        ("mất 25.000 đ", False),
        ("被扣了5万元", True),
        ("被扣了500元", False),
        ("hesabımdan 40.000 TL çekildi", True),
        ("mangler 12 500 kr", False),  # a space inside a number is read as two numbers: never too large by mistake
        ("mangler 12.500 kroner", True),
        ("skinuto je 150.000 dinara", True),
        ("скинуто је 150.000 динара", True),
        ("order 99999999", False),
        ("100000 krypton", False),
        ("", False),
    ],
)
def test_a_large_amount_is_detected_by_the_limit_of_its_currency(rules, text, large) -> None:
    assert MoneyDetector(rules.severity).is_large(text) is large
