"""People in a complaint, and how to reach them.

Contact data is checked by its form only. A message to a mailbox shows if it exists; the hot path makes no DNS query.
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

# The schema has no pattern: a regular expression cannot express the rules for international domain names.
EMAIL_SCHEMA: dict[str, Any] = {
    "type": "string",
    "format": "idn-email",
    "maxLength": LENGTH_MAX,
    "description": "An e-mail address, also with letters of any script (RFC 5321, RFC 6531), such as name@example.org. "
    "Refused are quoted local parts, IP addresses in place of a domain, and domains where mail cannot arrive, such as "
    "mail.invalid.",
}


def _check_email(address: str) -> str:
    if not is_email(address):
        raise PydanticCustomError("unreachable_email", "an e-mail address that can exist, such as name@example.org")
    return address


@lru_cache(maxsize=4096)
def _format_phone(text: str) -> str:
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
def _check_locale(tag: str) -> str:
    try:
        locale = Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        locale = None
    if locale is None:
        raise PydanticCustomError("unknown_locale", "a language tag of CLDR, such as en, id-ID, zh-Hant or sr-Latn")
    return tag.replace("_", "-")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _check_timezone(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("unknown_timezone", "an IANA time zone, such as Asia/Jakarta or Europe/Oslo")
    return name


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LENGTH_MAX, strict=True),
    AfterValidator(_check_email),
    WithJsonSchema(EMAIL_SCHEMA),
]
Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=4, max_length=40, strict=True),
    AfterValidator(_format_phone),
]
LocaleTag = Annotated[str, StringConstraints(min_length=2, max_length=35, strict=True), AfterValidator(_check_locale)]
TimeZone = Annotated[str, StringConstraints(min_length=1, max_length=64, strict=True), AfterValidator(_check_timezone)]

STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Customer(BaseModel):
    """The customer who complains, with an e-mail address, a phone number, or both."""

    model_config = STRICT

    name: Line | None = Field(default=None, repr=False, description="Name of the customer.", examples=["Customer 12"])
    email: Email | None = Field(default=None, repr=False, examples=["customer12@example.org"])
    phone: Phone | None = Field(
        default=None, repr=False, description="With country code; stored as E.164.", examples=["+622155500123"]
    )
    locale: LocaleTag = Field(description="Language of messages to the customer (BCP 47).", examples=["id-ID"])
    timezone: TimeZone = Field(description="Time zone for dates in messages (IANA).", examples=["Asia/Jakarta"])

    @model_validator(mode="after")
    def _require_contact(self) -> Self:
        if self.email is None and self.phone is None:
            raise PydanticCustomError("unreachable_customer", "at least one of email and phone")
        return self


class Represented(BaseModel):
    """The person on whose behalf the customer complains."""

    model_config = STRICT

    name: Line = Field(repr=False, examples=["Customer 12's mother"])
    email: Email | None = Field(default=None, repr=False)
    phone: Phone | None = Field(default=None, repr=False)
    authority: Line = Field(description="Legal ground of the customer to act for them.", examples=["power of attorney"])


def warm_up() -> None:
    """Load time zones, locales and phone metadata, so that the first request does not wait for them."""
    sample: dict[str, Any] = {"phone": "+622155500123", "locale": "en", "timezone": "UTC"}
    Customer.model_validate(sample)
