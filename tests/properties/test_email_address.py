"""Properties of the rule for e-mail addresses: the fast pattern accepts only what the library accepts."""

import email_validator
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.email_address import _PLAIN, InvalidEmailAddress, is_plain, parse_email

ROLES = frozenset({
    "info", "marketing", "sales", "support", "abuse", "noc", "security", "postmaster", "hostmaster", "usenet", "news",
    "webmaster", "www", "uucp", "ftp",
})  # fmt: skip
SIMILAR_TEXTS = st.text(st.sampled_from("aZ09_+'-.@xn=?é İſK"), max_size=70) | st.lists(
    st.sampled_from(["a", "B", "9", "-", "--", ".", "@", "xn", "invalid", "localhost", "onion", "org", "_", "+", "'"]),
    max_size=12,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(address=st.from_regex(_PLAIN, fullmatch=True))
@example(address="INFO@Example.ORG")
@example(address="a@example.xinvalid")
def test_a_plain_address_is_accepted_by_the_library_and_changes_only_its_case(address: str) -> None:
    if not is_plain(address):
        assert len(address) > 64
        return
    valid = email_validator.validate_email(address, allow_smtputf8=False, strict=True, check_deliverability=False)
    local, _, domain = address.rpartition("@")
    assert valid.local_part == (local.lower() if local.lower() in ROLES else local)
    assert valid.domain == valid.ascii_domain == domain.lower()
    assert parse_email(address) == (local, domain.lower(), domain.lower())


@settings(max_examples=200, deadline=None)
@given(address=SIMILAR_TEXTS)
def test_a_text_similar_to_an_address_is_plain_only_if_the_library_accepts_it(address: str) -> None:
    if is_plain(address):
        email_validator.validate_email(address, allow_smtputf8=False, strict=True, check_deliverability=False)


@settings(max_examples=150, deadline=None)
@given(address=st.text(max_size=30) | st.tuples(st.text(max_size=12), st.text(max_size=12)).map("@".join) | st.emails())
def test_any_text_is_refused_or_has_a_wire_form_that_parses_to_the_same_address(address: str) -> None:
    try:
        parts = parse_email(address)
    except InvalidEmailAddress:
        return
    assert parts.ascii_domain.isascii()
    assert parts.needs_smtputf8 != parts.wire_form.isascii()
    again = parse_email(parts.wire_form)
    assert again == parts
    assert not set(parts.wire_form) & set('\r\n\0 <>,;:"()[]\\')
