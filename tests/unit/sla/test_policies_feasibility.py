"""Goals that a calendar can never meet, and conditions that no complaint can meet, are refused."""

from typing import Any

import pytest

from services.sla.policies import parse_rulebook
from shared.errors import Rejected
from tests.unit.sla.complaint_builder import OFFICE, POLICY, policy, rulebook_with
from tests.unit.sla.test_policies import DAY, goal, rungs

SELDOM = {**OFFICE, "id": "seldom", "weekly_hours": {"mon": [["09:00", "10:00"]]}}
ONCE = {**OFFICE, "id": "once", "weekly_hours": {}, "holidays": [{"on": "*-12-24", "hours": [["09:00", "12:00"]]}]}


@pytest.mark.parametrize(
    ("calendar", "changed", "reason"),
    [
        (SELDOM, goal({"business": "PT540H"}), "requester_wait: PT540H: 540 hours of opening time are more than"),
        (SELDOM, rungs({"after": "PT9H", "every": "PT30H", "at_most": 20}), "rungs: .PT9H: 579 hours of opening time"),
        (SELDOM, rungs({"before": "PT540H"}), "rungs: -PT540H: 540 hours"),
        (SELDOM, {"promise": {"buffer": "PT540H"}}, "promise: buffer: 540 hours"),
        (ONCE, goal({"business": "PT40H"}), "calendar 'once' has in 10 years; expected less, or a calendar that opens"),
        (ONCE, goal({"business_days": 12}), "requester_wait: 12 business days are more than calendar 'once'"),
    ],
)
def test_a_goal_beyond_the_opening_time_of_ten_years_is_refused(
    calendar: dict[str, Any], changed: dict[str, Any], reason: str
) -> None:
    data = {"calendar": [calendar], "policy": [{**POLICY, "calendar": calendar["id"], **changed}]}
    with pytest.raises(Rejected, match=reason):
        parse_rulebook(data, around=DAY)


def test_a_goal_within_the_opening_time_of_ten_years_is_accepted() -> None:
    for changed in (goal({"business": "PT520H"}), goal({"business_days": 400}), rungs({"after": "PT500H"})):
        parse_rulebook({"calendar": [SELDOM], "policy": [{**POLICY, "calendar": "seldom", **changed}]}, around=DAY)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (
            {"category": [""]},
            "when.category.0: expected words of lower case letters, .* such as 'billing/refund', got ''",
        ),
        *(
            ({"category": [word]}, "when.category.0: expected words")
            for word in ("/", " ", "Billing", "billing/", "/billing", "a//b")
        ),
        ({"category": ["billing", "a b"]}, "when.category.1: expected words"),
        *(
            ({"language": [word]}, "when.language.0: expected a language tag .BCP 47. such as 'en'")
            for word in ("english", "", "EN", "en_GB", "en-gb", "e", " ")
        ),
        *(({"client": [word]}, "when.client.0: expected a name such as 'shop'") for word in ("", " ", "shop ", "a\nb")),
        ({"product": [""]}, "when.product.0: expected a name"),
    ],
)
def test_a_condition_with_a_value_that_no_complaint_has_is_refused(when: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        rulebook_with(policy(id="odd", when=when))


def test_conditions_with_values_of_complaints_are_accepted() -> None:
    when = {"language": ["en", "zh-Hant", "sr-Latn", "pt-BR", "fil", "es-419"], "client": ["shop", "Web shop 2", "店"]}
    assert rulebook_with(policy(id="chosen", when={**when, "category": ["late_delivery/lost-2"], "product": ["Card+"]}))
