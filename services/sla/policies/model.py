"""Model of a policy: the complaints it applies to, the clocks it starts, and the promise to the customer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from services.sla.calendar.document import DocumentEntry, DocumentModel, refuse_repeated
from services.sla.policies.goal import Span
from services.sla.policies.rule import ClockRule
from shared.contracts.events import Channel, ClockKind, Severity, Signal

SINGLE_VALUES = ("severity", "channel", "product", "client", "language")  # fields of which a complaint has one value


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """Properties of a complaint that policies can match.

    All of them are in the events of the complaint, so that a replay matches the same policy.
    """

    category: tuple[str, ...] = ()
    severity: str | None = None
    channel: str | None = None
    product: str | None = None
    client: str | None = None
    language: str | None = None
    signals: tuple[str, ...] = ()


def _matching(pattern: str, expected: str) -> AfterValidator:
    """Return a validator that refuses a value which no complaint can have: its policy would never match."""
    accepted = re.compile(pattern)

    def check(value: str) -> str:
        if not accepted.fullmatch(value):
            raise ValueError(f"expected {expected}, got {value[:40]!r}")
        return value

    return AfterValidator(check)


_PATH = "words of lower case letters, digits, '_' and '-', joined by '/', such as 'billing/refund'"
CategoryPath = Annotated[str, _matching(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*", _PATH)]
_TAG = "a language tag (BCP 47) such as 'en', 'zh-Hant' or 'pt-BR'"
LanguageTag = Annotated[str, _matching(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", _TAG)]
_NAME = "a name such as 'shop', without spaces around it"
Name = Annotated[str, _matching(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?", _NAME)]


class When(DocumentModel):
    """Condition on a complaint. Each list contains the accepted values of a field; an empty list accepts all.

    `category` contains paths such as `billing/refund`, which cover all categories below them; of `signal`, one
    matching value is enough.
    """

    category: tuple[CategoryPath, ...] = ()
    severity: tuple[Severity, ...] = ()
    channel: tuple[Channel, ...] = ()
    product: tuple[Name, ...] = ()
    client: tuple[Name, ...] = ()
    language: tuple[LanguageTag, ...] = ()
    signal: tuple[Signal, ...] = ()

    @property
    def is_unconditional(self) -> bool:
        """True if every complaint matches."""
        return not any(getattr(self, name) for name in type(self).model_fields)

    def matches(self, facts: MatchFacts) -> bool:
        """Return True if a complaint meets all conditions; a value that is not known yet meets only an empty list."""
        return (
            all(not (accepted := getattr(self, name)) or getattr(facts, name) in accepted for name in SINGLE_VALUES)
            and (not self.category or _is_below(facts.category, self.category))
            and (not self.signal or any(signal in self.signal for signal in facts.signals))
        )

    def covers(self, other: "When") -> bool:
        """Return True if every complaint that matches `other` matches this one as well."""
        return all(self.covers_in(name, other) for name in type(self).model_fields)

    def covers_in(self, name: str, other: "When") -> bool:
        """Return True if the field `name` accepts all values that the same field of `other` accepts."""
        accepted, of_other = getattr(self, name), getattr(other, name)
        if not accepted:
            return True
        is_path = name == "category"
        return bool(of_other) and all(
            value in accepted or (is_path and _is_below(value.split("/"), accepted)) for value in of_other
        )


def _is_below(category: Sequence[str], accepted: Sequence[str]) -> bool:
    path = "/".join(category) + "/"
    return any(path.startswith(f"{prefix}/") for prefix in accepted)


class ExtensionRule(DocumentModel):
    """Limit up to which a promise may be moved without approval: business days after its first date."""

    business_days: Annotated[int, Field(ge=0, le=400)]
    revisions: Annotated[int, Field(ge=1, le=50)] | None = None


class PromiseRule(DocumentModel):
    """Date to promise to the customer: the due time of `clock` plus `buffer` of opening time.

    The internal target is the due time itself, so the buffer is the reserve. `extension` limits later changes.
    """

    clock: ClockKind = "requester_wait"
    buffer: Span = timedelta(0)
    extension: ExtensionRule | None = None


class Policy(DocumentEntry):
    """Clocks and promise for the complaints that match `when`."""

    section = "policy"
    name: str = ""
    calendar: str
    when: When = When()
    clocks: tuple[ClockRule, ...] = Field(min_length=1)
    promise: PromiseRule = PromiseRule()
    silence_days: Annotated[int, Field(ge=1, le=400)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        kinds = [rule.kind for rule in self.clocks]
        refuse_repeated("clocks", kinds)
        if self.promise.clock not in kinds:
            raise ValueError(f"promise: expected one of the policy's clocks {kinds}, got {self.promise.clock!r}")
        if any(rule.obligation == "regulatory" for rule in self.clocks):
            raise ValueError("clocks: a regulatory clock is not accepted here; write it in a [[pack]], with its source")
        return self

    def rule(self, kind: ClockKind) -> ClockRule:
        """Return the clock of that kind."""
        return next(rule for rule in self.clocks if rule.kind == kind)
