"""Rule for e-mail addresses, and its use by intake and notify: notify can send to every address that intake accepts."""

import unicodedata

import pytest
from pydantic import TypeAdapter, ValidationError

from services.intake.forms.people import Email
from services.notify.channels.headers import mailbox
from services.notify.domain.address import unreachable
from shared.email_address import EmailAddress, InvalidEmailAddress, is_email, is_plain, parse_email
from shared.errors import Rejected

FORM: TypeAdapter[str] = TypeAdapter(Email)
NFD = unicodedata.normalize("NFD", "josé@example.org")
ZWJ = "\u200d"

# Address, and its form in SMTP and in headers.
VALID: list[tuple[str, str]] = [
    ("name@example.org", "name@example.org"),
    ("Name@Example.ORG", "Name@example.org"),
    ("o'neil_1+kettle=a@sub.example.co.uk", "o'neil_1+kettle=a@sub.example.co.uk"),
    ("a@b.c", "a@b.c"),
    (f"{'x' * 64}@example.org", f"{'x' * 64}@example.org"),
    (f"{'ü' * 64}@example.org", f"{'ü' * 64}@example.org"),
    (f"a@{'b' * 63}.org", f"a@{'b' * 63}.org"),
    (f"ab@{'.'.join(['b' * 61] * 4)}.org", f"ab@{'.'.join(['b' * 61] * 4)}.org"),  # 254 characters
    # special-use names, needed by demonstrations, tests and local networks
    ("a@example.com", "a@example.com"),
    ("a@mail.test", "a@mail.test"),
    ("a@mail.local", "a@mail.local"),
    ("a@home.arpa", "a@home.arpa"),
    # ASCII local part: an international domain is sent as its A-labels
    ("info@exämple.com", "info@xn--exmple-cua.com"),
    ("info@xn--exmple-cua.com", "info@xn--exmple-cua.com"),
    ("info@example.भारत", "info@example.xn--h2brj9c"),
    ("info@ไทย.ไทย", "info@xn--o3cw4h.xn--o3cw4h"),
    ("info@مثال.السعودية", "info@xn--mgbh0fb.xn--mgberp4a5d4ar"),
    ("info@straße.de", "info@xn--strae-oqa.de"),
    ("info@ＥＸＡＭＰＬＥ.org", "info@example.org"),
    # international local part: UTF-8, with U-labels
    ("jürgen@example.de", "jürgen@example.de"),
    ("josé.garcía@exämple.com", "josé.garcía@exämple.com"),
    ("用户@例子.公司", "用户@例子.公司"),
    ("用户@xn--fsqu00a.xn--55qx5d", "用户@例子.公司"),
    ("สมชาย@example.org", "สมชาย@example.org"),
    ("مثال@example.org", "مثال@example.org"),
    ("उदाहरण@उदाहरण.भारत", "उदाहरण@उदाहरण.भारत"),
    ("דוגמה@דוגמה.ישראל", "דוגמה@דוגמה.ישראל"),
    ("😀@example.org", "😀@example.org"),
    (NFD, "josé@example.org"),
]
INVALID: list[str] = [
    "",
    "name",
    "@example.org",
    "a@",
    "a@b@example.org",
    "a b@example.org",
    "a@exa mple.org",
    "a\n@example.org",
    "a@example.org\n",
    '"a b"@example.org',
    '"ab"@example.org',
    "Name <a@example.org>",
    "<a@example.org>",
    ".a@example.org",
    "a.@example.org",
    "a..b@example.org",
    "a@example..org",
    "a@example.org.",
    "a@.example.org",
    "a@-example.org",
    "a@example-.org",
    "a@ex_ample.org",
    "a@ab--cd.org",
    "a@xn--.example",
    "a@localhost",
    "a@test",
    "a@127.0.0.1",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    "a@home.localhost",
    "a@mail.invalid",
    "a@Mail.INVALID",
    "a@service.onion",
    f"{'x' * 65}@example.org",
    f"{'ü' * 65}@example.org",
    f"a@{'b' * 64}.org",
    f"abc@{'.'.join(['b' * 61] * 4)}.org",  # 255 characters
    f"{'用' * 64}@{'例' * 20}.org",  # 89 characters, but 257 bytes
    "a@😀.org",
    f"👩{ZWJ}👧@example.org",
    f"क्{ZWJ}ष@example.org",
    "a\u202eb@example.org",
    "a\u00adb@example.org",
    "\u0301a@example.org",
    "a@1.אב.org",
    "a＠example.org",
    "\ud800@example.org",
    "=?utf-8?q?a?=@example.org",
]


@pytest.mark.parametrize(("address", "wire_form"), VALID)
def test_a_valid_address_is_accepted_by_intake_and_notify_and_has_one_wire_form(address: str, wire_form: str) -> None:
    assert is_email(address)
    assert parse_email(address).wire_form == wire_form
    assert FORM.validate_python(address) == address, "intake stores the address as the customer typed it"
    assert unreachable(address) is None
    assert mailbox(address) == wire_form


@pytest.mark.parametrize("address", INVALID)
def test_an_invalid_address_is_refused_by_intake_and_notify_and_not_quoted_in_errors(address: str) -> None:
    assert not is_email(address)
    with pytest.raises(InvalidEmailAddress) as invalid:
        parse_email(address)
    with pytest.raises(Rejected) as rejected:
        mailbox(address)
    assert unreachable(address) == ("malformed_address" if address else "no_address")
    if address not in "an address such as name@example.org":
        assert address not in str(invalid.value) + rejected.value.detail
    if address == address.strip():  # the form removes white space around an address
        with pytest.raises(ValidationError):
            FORM.validate_python(address)


def test_only_an_international_local_part_needs_smtputf8() -> None:
    assert not parse_email("info@例子.公司").needs_smtputf8
    assert parse_email("用户@example.org").needs_smtputf8


def test_an_address_is_normalised_in_both_parts() -> None:
    assert parse_email("josé@BÜCHER.example") == EmailAddress("josé", "bücher.example", "xn--bcher-kva.example")


@pytest.mark.parametrize("address", ["customer12@example.org", "o'neil_1+tag@sub.example.co.uk", "a-b.c@x-y.example"])
def test_ordinary_addresses_match_the_fast_pattern(address: str) -> None:
    assert is_plain(address)
