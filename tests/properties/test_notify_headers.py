"""Properties of mail headers: for any text, the mail has exactly the headers that notify writes, or it is refused."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.notify.channels.headers import ascii_mailbox, guard, mailbox
from services.notify.channels.interface import OutgoingMessage
from services.notify.channels.mime import SenderAddress, SmtpMessage, build_message
from services.notify.routes.sample import build_sample
from services.notify.templates import Renderer
from services.notify.templates.catalogue import load_catalogue
from shared.errors import Rejected

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FULL = build_sample("Asia/Jakarta")
TEXTS = load_catalogue("en")
SENDER = SenderAddress("complaints@example.com", "Example Shop", "answers@example.com")
NAMES = [
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "MIME-Version",
    "Content-Type",
]  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from(
        [
            "\r\n",
            "\n",
            "\r",
            "\x00",
            "\x0b",
            "\x85",
            "\u2028",
            "Bcc: x@example.org",
            "=?utf-8?q?a=0aBcc:_v=40e.org?=",
            "=?",
            "?=",
            "=0a",
            "Příliš",
            "人",
            "😀",
            "�",
            *list(' \t"<>,;a\u202e'),
        ]
    )
    | st.text(max_size=8),
    max_size=12,
).map("".join)


def build_outgoing(**changes: str) -> OutgoingMessage:
    fields = {
        "message_id": "0190@example.com",
        "to": "customer-12@example.com",
        "subject": "[RD-1] Hello",
        "html": "<p>Hello</p>",
        "text": "Hello\n",
        "language": "en",
    }
    return OutgoingMessage(**(fields | changes))


def parse(message: SmtpMessage):
    return message_from_bytes(message.body, policy=policy.compat32)


@settings(max_examples=200, deadline=None)
@given(subject=HOSTILE)
@example(subject="=?utf-8?q?a=0aBcc:_v=40e.org?=")
@example(subject="x\r\nBcc: v@example.org")
def test_a_subject_is_refused_or_stays_one_header(subject: str) -> None:
    try:
        built = build_message(build_outgoing(subject=subject), SENDER, NOW)
    except Rejected:
        return
    mail = parse(built)
    assert sorted(mail.keys()) == sorted(NAMES)
    read = str(make_header(decode_header(str(mail["Subject"]).replace("\r\n", ""))))
    assert "".join(read.split()) == "".join(subject.split())
    modern = message_from_bytes(built.body, policy=policy.default)
    assert modern["Bcc"] is None
    assert sorted(modern.keys()) == sorted(NAMES)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(["holding", "progress", "delay"]), pack=HOSTILE, code=HOSTILE, words=HOSTILE)
def test_texts_of_rules_and_handlers_never_appear_in_headers(kind, pack, code, words) -> None:
    content = FULL.model_copy(update={"letter": f"{pack}:{code}", "reasons": (code,), "words": words, "handler": words})
    rendered = Renderer("Example Shop", recourse={pack: words}).render(kind, content, "en")
    built = build_message(build_outgoing(subject=rendered.subject, html=rendered.html, text=rendered.text), SENDER, NOW)
    mail = message_from_bytes(built.body, policy=policy.default)
    assert sorted(mail.keys()) == sorted(NAMES)
    assert mail["Subject"] == rendered.subject == f"[{FULL.reference}] {TEXTS[f'subject.{kind}']}"


@settings(max_examples=150, deadline=None)
@given(name=HOSTILE)
def test_an_organisation_name_is_refused_or_stays_a_name(name: str) -> None:
    try:
        built = build_message(build_outgoing(), SenderAddress("complaints@example.com", name), NOW)
    except Rejected:
        return
    mail = message_from_bytes(built.body, policy=policy.default)
    assert [address.addr_spec for address in mail["From"].addresses] == ["complaints@example.com"]
    assert mail["Bcc"] is None


@settings(max_examples=150, deadline=None)
@given(address=HOSTILE | HOSTILE.map(lambda local: f"{local}@example.com"))
def test_an_address_is_refused_or_stays_one_address(address: str) -> None:
    try:
        built = build_message(build_outgoing(to=address), SENDER, NOW)
    except Rejected:
        return
    assert built.recipient.count("@") == 1
    assert not set(built.recipient) & set("\r\n\0 <>,;")
    assert built.needs_smtputf8 == (not built.recipient.isascii()) == (not built.body.isascii())
    headers = BytesHeaderParser(policy=policy.compat32).parsebytes(built.body)
    assert sorted(headers.keys()) == sorted(NAMES)
    lines = built.body.decode().split("\r\n")
    assert [line for line in lines if line.startswith("To:")] == [f"To: <{built.recipient}>"]


@settings(max_examples=200, deadline=None)
@given(html=st.text(), text=st.text(st.characters(codec="utf-8")))
def test_both_parts_of_a_body_survive_encoding(html: str, text: str) -> None:
    built = build_message(build_outgoing(html=html, text=text), SENDER, NOW)
    plain, rich = message_from_bytes(built.body, policy=policy.compat32).get_payload()

    def read(part) -> str:
        return part.get_payload(decode=True).decode()

    def lines(words: str) -> str:
        return words.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")

    assert lines(read(plain)) == lines(text)
    assert lines(read(rich)) == lines(html)
    assert all(len(line) <= 998 for line in built.body.split(b"\r\n"))
    assert b"\n" not in built.body.replace(b"\r\n", b"")


@pytest.mark.parametrize("value", ["a\rb", "a\nb", "a\0b", "a\x7fb", "=?utf-8?b?YQ==?=", "x" * 301, "\u2028", "\ud800"])
def test_a_dangerous_value_is_refused_without_being_quoted(value: str) -> None:
    with pytest.raises(Rejected) as refusal:
        guard("Subject", value)
    assert refusal.value.detail.startswith("Subject: expected")
    assert value not in refusal.value.detail


def test_an_international_domain_is_written_in_ascii() -> None:
    assert mailbox("a@bücher.example") == ascii_mailbox("a@bücher.example") == "a@xn--bcher-kva.example"


def test_an_international_local_part_is_written_in_utf_8_for_recipients_only() -> None:
    assert mailbox("用户@例子.公司") == "用户@例子.公司"
    with pytest.raises(Rejected, match="ASCII local part"):
        ascii_mailbox("用户@例子.公司")
