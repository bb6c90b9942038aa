"""The model of a policy: when it applies, which clocks it starts, what is promised to the customer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from services.sla.policies.goal import DocumentModel, Span
from services.sla.policies.rule import ClockRule
from shared.contracts.events import Channel, ClockKind, Severity, Signal


@dataclass(frozen=True, slots=True)
class MatchFacts:
    """What policies may ask of a complaint: only what is in its events, so that a refold asks the same."""

    category: tuple[str, ...] = ()
    severity: str | None = None
    channel: str | None = None
    product: str | None = None
    client: str | None = None
    language: str | None = None
    signals: tuple[str, ...] = ()


def _spelled(pattern: str, expected: str) -> AfterValidator:
    """A word that no complaint can have would make a policy that silently never counts."""
    accepted = re.compile(pattern)

    def check(word: str) -> str:
        if not accepted.fullmatch(word):
            raise ValueError(f"expected {expected}, got {word[:40]!r}")
        return word

    return AfterValidator(check)


_PATH = "words of lower case letters, digits, '_' and '-', joined by '/', such as 'billing/refund'"
CategoryPath = Annotated[str, _spelled(r"[a-z0-9_-]+(?:/[a-z0-9_-]+)*", _PATH)]
_TAG = "a language tag (BCP 47) such as 'en', 'zh-Hant' or 'pt-BR'"
LanguageTag = Annotated[str, _spelled(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", _TAG)]
_NAME = "a name such as 'shop', without spaces around it"
Name = Annotated[str, _spelled(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?", _NAME)]


class When(DocumentModel):
    """What must be true of a complaint; an empty list asks nothing. Only fields that are in the event log.

    `category` names a path such as `billing/refund`, which covers everything below it; `signal` is met by any of them.
    """

    category: tuple[CategoryPath, ...] = ()
    severity: tuple[Severity, ...] = ()
    channel: tuple[Channel, ...] = ()
    product: tuple[Name, ...] = ()
    client: tuple[Name, ...] = ()
    language: tuple[LanguageTag, ...] = ()
    signal: tuple[Signal, ...] = ()

    @property
    def asks_nothing(self) -> bool:
        """Whether every complaint meets it."""
        return not any(getattr(self, name) for name in type(self).model_fields)

    def matches(self, asked: MatchFacts) -> bool:
        """Whether a complaint meets all of it; what is not known yet meets only what asks nothing."""
        return (
            all(
                not wanted or value in wanted
                for wanted, value in (
                    (self.severity, asked.severity),
                    (self.channel, asked.channel),
                    (self.product, asked.product),
                    (self.client, asked.client),
                    (self.language, asked.language),
                )
            )
            and (not self.category or _below(asked.category, self.category))
            and (not self.signal or any(one in self.signal for one in asked.signals))
        )

    def covers(self, other: "When") -> bool:
        """Whether every complaint that meets the other meets this as well."""
        return all(self.covers_in(name, other) for name in type(self).model_fields)

    def covers_in(self, name: str, other: "When") -> bool:
        """Whether it asks no more of that field than the other does."""
        mine, theirs = getattr(self, name), getattr(other, name)
        if not mine:
            return True
        lies = name == "category"
        return bool(theirs) and all(one in mine or (lies and _below(one.split("/"), mine)) for one in theirs)


def _below(category: Sequence[str], wanted: Sequence[str]) -> bool:
    path = "/".join(category) + "/"
    return any(path.startswith(f"{one}/") for one in wanted)


class ExtensionRule(DocumentModel):
    """How far a promise may be moved without approval: so many business days beyond its first date."""

    business_days: Annotated[int, Field(ge=0, le=400)]
    revisions: Annotated[int, Field(ge=1, le=50)] | None = None


class PromiseRule(DocumentModel):
    """The date we name to the customer: the due time of `clock`, later by `buffer` of opening time.

    A promise has room for what goes wrong: the target lies before it. `extension` caps how far it can be moved.
    """

    clock: ClockKind = "requester_wait"
    buffer: Span = timedelta(0)
    extension: ExtensionRule | None = None


class Policy(DocumentModel):
    """The clocks of one kind of complaint, and what is promised. A change is a new version."""

    id: str = Field(min_length=1)
    version: int = Field(ge=1)
    name: str = ""
    calendar: str
    when: When = When()
    clocks: tuple[ClockRule, ...] = Field(min_length=1)
    promise: PromiseRule = PromiseRule()
    silence_days: Annotated[int, Field(ge=1, le=400)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        kinds = [rule.kind for rule in self.clocks]
        twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
        if twice:
            raise ValueError(f"clocks: {twice} is listed twice; a policy has one clock of a kind, packs add theirs")
        if self.promise.clock not in kinds:
            raise ValueError(f"promise: expected one of the policy's clocks {kinds}, got {self.promise.clock!r}")
        if any(rule.obligation == "regulatory" for rule in self.clocks):
            raise ValueError("clocks: what a regulator asks for belongs into a [[pack]], with its source")
        return self

    def rule(self, kind: ClockKind) -> ClockRule:
        """Its clock of that kind."""
        return next(rule for rule in self.clocks if rule.kind == kind)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other
