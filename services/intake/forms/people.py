"""People as others describe them to us, and whether we can reach them.

Checked by form only: whether a mailbox exists is found out by writing to it, never by asking DNS on the hot path.
"""

from functools import lru_cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from services.intake.forms.text import Line
from shared.email_address import LENGTH_MAX, is_email

EMAIL_DESCRIPTION = (
    "An e-mail address (RFC 5321), also with letters of any script (RFC 6531), such as name@example.org. "
    "Quoted local parts, IP addresses in place of a domain, and domains where mail cannot arrive, such as "
    "mail.invalid, are refused."
)


def _email(address: str) -> str:
    if not is_email(address):
        raise PydanticCustomError("unreachable_email", "an e-mail address that can exist, such as name@example.org")
    return address


@lru_cache(maxsize=4096)
def _phone(text: str) -> str:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise PydanticCustomError(
            "unreachable_phone", "a phone number with its country code, such as +62 21 5550 0123, that can exist"
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)
def _locale(tag: str) -> str:
    try:
        known = Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        known = None
    if known is None:
        raise PydanticCustomError(
            "unknown_locale", "a language tag that CLDR knows, such as en, id-ID, zh-Hant or sr-Latn"
        )
    return tag.replace("_", "-")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _timezone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_timezone", "an IANA time zone, such as Asia/Jakarta or Europe/Oslo")
    return name


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LENGTH_MAX, strict=True),
    AfterValidator(_email),
    # No pattern: a regular expression cannot express the rules for international domain names.
    WithJsonSchema(
        {"type": "string", "format": "idn-email", "maxLength": LENGTH_MAX, "description": EMAIL_DESCRIPTION}
    ),
]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=4, max_length=40, strict=True),
    AfterValidator(_phone),
]
LocaleTag = Annotated[str, StringConstraints(min_length=2, max_length=35, strict=True), AfterValidator(_locale)]
TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64, strict=True), AfterValidator(_timezone)]

STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Customer(BaseModel):
    """Who complains and how to reach them: an e-mail address, a phone number, or both."""

    model_config = STRICT

    name: Line | None = Field(default=None, repr=False, description="How to address them.", examples=["Customer 12"])
    email: Email | None = Field(default=None, repr=False, examples=["customer12@example.org"])
    phone: Phone | None = Field(
        default=None, repr=False, description="With country code; stored as E.164.", examples=["+622155500123"]
    )
    locale: LocaleTag = Field(description="Language to write to them in (BCP 47).", examples=["id-ID"])
    timezone: TimeZone = Field(description="Where their days begin and end (IANA).", examples=["Asia/Jakarta"])

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if self.email is None and self.phone is None:
            raise PydanticCustomError("unreachable_customer", "at least one of email and phone")
        return self


class Represented(BaseModel):
    """The person that the customer speaks for."""

    model_config = STRICT

    name: Line = Field(repr=False, examples=["Customer 12's mother"])
    email: Email | None = Field(default=None, repr=False)
    phone: Phone | None = Field(default=None, repr=False)
    authority: Line = Field(description="By what right the customer speaks for them.", examples=["power of attorney"])


def warm_up() -> None:
    """Read time zones and phone metadata before the first request has to wait for them."""
    sample: dict[str, Any] = {"phone": "+622155500123", "locale": "en", "timezone": "UTC"}
    Customer.model_validate(sample)
