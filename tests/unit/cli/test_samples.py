"""Sample complaints: enough of every kind, valid, and consistent with their scripts."""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import get_args

import pytest

from deploy.demo.samples import SECTORS, Language, Sample, SampleStep, expand_paragraphs, load_samples
from services.intake.forms import COMPLAINT, MessageForm, ProgressForm, ReopeningForm, ResolutionForm, WithdrawalForm

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SAMPLES = load_samples()
FILED = [sample for sample in SAMPLES if sample.repeat_of is None]
FORMS = {
    "progress": ProgressForm,
    "message": MessageForm,
    "resolution": ResolutionForm,
    "reopen": ReopeningForm,
    "withdraw": WithdrawalForm,
}
SERBIAN_LETTERS = {
    "sr-Cyrl": re.compile("[а-шђјљњћџ]", re.IGNORECASE),
    "sr-Latn": re.compile("[čćšžđ]", re.IGNORECASE),
}


def sample_id(sample: Sample) -> str:
    return sample.id


def test_there_are_at_least_sixty_samples() -> None:
    assert len(FILED) >= 60


def test_every_id_is_unique() -> None:
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)


def test_every_customer_has_a_different_address() -> None:
    assert len({sample.email for sample in FILED}) == len(FILED)


def test_every_sector_has_samples_in_every_language() -> None:
    languages = {(sample.sector, sample.lang) for sample in FILED}
    assert languages >= {(sector, lang) for sector in SECTORS for lang in get_args(Language)}


def test_important_traits_occur_more_than_once() -> None:
    traits = Counter(trait for sample in SAMPLES for trait in sample.traits)
    assert all(traits[trait] >= 2 for trait in ("angry", "vulnerable", "duplicate", "tiny", "very_long", "on_behalf"))


def test_samples_use_many_channels_zones_and_actions() -> None:
    assert {sample.complaint["channel"] for sample in FILED} >= {
        "web",
        "app",
        "email",
        "phone",
        "letter",
        "branch",
        "chat",
    }
    assert len({sample.complaint["customer"]["timezone"] for sample in FILED}) >= 15
    assert {step.do for sample in FILED for step in sample.script} == set(FORMS)


@pytest.mark.parametrize("sample", FILED, ids=sample_id)
def test_every_sample_is_a_valid_complaint(sample: Sample) -> None:
    form = COMPLAINT.validate_python(sample.body(NOW) | parse_instants(sample), context=NOW)
    assert form.customer.email == sample.email


def parse_instants(sample: Sample) -> dict[str, object]:
    """Convert instants, because validation of Python input is stricter than of JSON."""
    received = sample.body(NOW).get("received_at")
    return {"received_at": datetime.fromisoformat(received)} if received else {}


@pytest.mark.parametrize(
    ("sample", "step"),
    [(sample, step) for sample in FILED for step in sample.script],
    ids=lambda v: getattr(v, "id", None),
)
def test_every_step_is_a_valid_request(sample: Sample, step: SampleStep) -> None:
    FORMS[step.do].model_validate(step.body(NOW))


@pytest.mark.parametrize("sample", FILED, ids=sample_id)
def test_the_expected_messages_follow_from_the_script(sample: Sample) -> None:
    assert sample.expect is not None
    expected = ["acknowledgement", *(kind for step in sample.script for kind in step.expected_messages())]
    assert list(sample.expect.messages) == expected


@pytest.mark.parametrize("sample", FILED, ids=sample_id)
def test_the_expected_state_follows_from_the_script(sample: Sample) -> None:
    state = "open"
    for step in sample.script:
        match step.do:
            case "progress":
                state = step.body(NOW)["state"].replace("investigating", "open")
            case "message" if state == "awaiting_customer":
                state = "open"
            case "resolution":
                state = "resolved"
            case "reopen":
                state = "open"
            case "withdraw":
                state = "withdrawn"
    assert sample.expect is not None
    assert sample.expect.state == state


@pytest.mark.parametrize("sample", [other for other in SAMPLES if other.repeat_of], ids=sample_id)
def test_a_repetition_repeats_a_sample_and_has_no_content_of_its_own(sample: Sample) -> None:
    assert sample.repeat_of in {other.id for other in FILED}
    assert (sample.complaint, sample.script, sample.expect) == ({}, (), None)


@pytest.mark.parametrize("sample", FILED, ids=sample_id)
def test_no_sample_names_a_real_person(sample: Sample) -> None:
    assert sample.email.rpartition("@")[2] in {"example.com", "example.org"}
    assert re.search(r"\d", sample.complaint["customer"]["name"])


@pytest.mark.parametrize("sample", [sample for sample in FILED if sample.lang in SERBIAN_LETTERS], ids=sample_id)
def test_serbian_samples_use_the_script_of_their_language_code(sample: Sample) -> None:
    assert SERBIAN_LETTERS[sample.lang].search(sample.complaint["narrative"])


@pytest.mark.parametrize("sample", [sample for sample in FILED if "very_long" in sample.traits], ids=sample_id)
def test_a_very_long_sample_is_very_long(sample: Sample) -> None:
    assert len(sample.body(NOW)["narrative"]) > 8_000


@pytest.mark.parametrize("sample", [sample for sample in FILED if "tiny" in sample.traits], ids=sample_id)
def test_a_tiny_sample_is_tiny(sample: Sample) -> None:
    assert len(sample.body(NOW)["narrative"]) < 40


def test_repeated_paragraphs_are_numbered_between_beginning_and_end() -> None:
    assert expand_paragraphs(["begin", "a{n}", "b{n}", "end"], 2) == ["begin", "a1", "b1", "a2", "b2", "end"]


def test_dates_are_computed_from_the_time_of_the_request() -> None:
    step = SampleStep.model_validate({"do": "progress", "state": "investigating", "expected_in_days": 3, "reason": "x"})
    assert step.body(NOW)["expected_at"] == "2026-03-05T09:30:00+00:00"
