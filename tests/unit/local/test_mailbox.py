"""Mailbox of the local stack: storage, web page and faults, without sockets."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from deploy.local.mailbox.faults import Fault, Faults
from deploy.local.mailbox.page import PAGE, build_app, content_security_policy
from deploy.local.mailbox.parse import parse_mail
from deploy.local.mailbox.store import MailFilter, MailStore


def build_mail(
    subject: str = "Your complaint", text: str = "We have it.", message_id: str = "<1@example.com>"
) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["Message-ID"] = (
        subject,
        "Complaints <complaints@example.com>",
        message_id,
    )
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p><script>alert(1)</script>", subtype="html")
    return message.as_bytes()


def store_mail(mails: MailStore, *recipients: str, **fields: str) -> None:
    raw = build_mail(**fields)
    mails.add(parse_mail(raw), raw, recipients or ["customer1@example.org"])


def subjects(mails: MailStore, mail_filter: MailFilter) -> list[str]:
    return [mail["subject"] for mail in mails.page(mail_filter)["messages"]]


@pytest.fixture
def mails(tmp_path: Path) -> MailStore:
    return MailStore(tmp_path / "mails.sqlite")


@pytest.fixture
async def page(mails: MailStore) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build_app(mails, Faults()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


def test_a_mail_is_decoded_in_any_script() -> None:
    parsed = parse_mail(build_mail("Примили смо Вашу жалбу", "我们已收到您的投诉。"))
    assert parsed.subject == "Примили смо Вашу жалбу"
    assert parsed.text.strip() == "我们已收到您的投诉。"
    assert parsed.html is not None
    assert "我们已收到您的投诉" in parsed.html
    assert parsed.sender == "Complaints <complaints@example.com>"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?b?!!!?=\n\n\xff\xfe",
        b"Subject: =?nonsense?q?x?=\nContent-Type: text/plain; charset=nonsense\n\nx",
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n",
    ],
)
def test_a_malformed_mail_is_parsed_without_an_error(raw: bytes) -> None:
    assert isinstance(parse_mail(raw).snippet, str)


def test_mails_survive_a_restart(tmp_path: Path) -> None:
    first = MailStore(tmp_path / "mails.sqlite")
    store_mail(first)
    first.close()
    assert MailStore(tmp_path / "mails.sqlite").page(MailFilter())["total"] == 1


def test_mails_are_listed_per_customer_and_newest_first(mails: MailStore) -> None:
    store_mail(mails, "customer1@example.org", subject="first")
    store_mail(mails, "Customer2@Example.org", subject="second")
    store_mail(mails, "customer1@example.org", subject="third")
    assert subjects(mails, MailFilter("CUSTOMER1@example.org")) == ["third", "first"]
    assert [(row["recipient"], row["total"]) for row in mails.customers(MailFilter())] == [
        ("customer1@example.org", 2),
        ("customer2@example.org", 1),
    ]


def test_a_mail_to_two_customers_is_read_separately_by_each(mails: MailStore) -> None:
    store_mail(mails, "a@example.org", "b@example.org")
    mails.mark_read(mails.page(MailFilter("a@example.org"))["newest"])
    assert mails.page(MailFilter("a@example.org"))["unread"] == 0
    assert mails.page(MailFilter("b@example.org"))["unread"] == 1


def test_a_search_ignores_case_and_matches_percent_literally(mails: MailStore) -> None:
    store_mail(mails, text="Vraćamo 50 % iznosa")
    store_mail(mails, text="Vraćamo 50 dinara")
    assert mails.page(MailFilter(text="VRAĆAMO 50"))["total"] == 2
    assert mails.page(MailFilter(text="50 %"))["total"] == 1
    assert mails.customers(MailFilter(text="nothing like it")) == []


def test_pages_follow_each_other_without_gap_or_repeat(mails: MailStore) -> None:
    for number in range(7):
        store_mail(mails, subject=str(number))
    first = mails.page(MailFilter(limit=4))
    second = mails.page(MailFilter(limit=4, before=first["messages"][-1]["id"]))
    assert [mail["subject"] for mail in first["messages"] + second["messages"]] == list("6543210")
    assert (first["more"], second["more"]) == (True, False)


def test_a_mail_that_arrived_twice_is_counted_as_two_copies(mails: MailStore) -> None:
    store_mail(mails, message_id="<same@example.com>")
    store_mail(mails, message_id="<same@example.com>")
    store_mail(mails, message_id="<other@example.com>")
    assert [mail["copies"] for mail in mails.page(MailFilter())["messages"]] == [1, 2, 2]


def test_a_mail_is_deleted_for_one_customer_only(mails: MailStore) -> None:
    store_mail(mails, "a@example.org", "b@example.org")
    store_mail(mails, "a@example.org")
    assert mails.delete(to="A@example.org") == 2
    assert mails.page(MailFilter())["total"] == 1
    assert mails.delete() == 1
    assert mails.find(1) is None


async def test_the_page_shows_a_mail_and_counts_it_as_read(mails: MailStore, page: httpx.AsyncClient) -> None:
    store_mail(mails, subject="Hello")
    number = (await page.get("/api/messages")).json()["messages"][0]["id"]
    mail = (await page.get(f"/api/messages/{number}")).json()
    assert (mail["subject"], mail["text"].strip(), mail["read_at"]) == ("Hello", "We have it.", None)
    assert ["Subject", "Hello"] in mail["headers"]
    assert (await page.post(f"/api/messages/{number}/read")).status_code == 204
    assert (await page.get("/api/messages")).json()["unread"] == 0


async def test_a_mail_cannot_run_code_or_load_anything(mails: MailStore, page: httpx.AsyncClient) -> None:
    store_mail(mails)
    response = await page.get("/messages/1.html")
    rules = response.headers["content-security-policy"]
    assert "<script>" in response.text
    assert rules.startswith("sandbox allow-popups")
    assert "default-src 'none'" in rules
    assert "allow-scripts" not in rules
    assert "allow-same-origin" not in rules
    assert (await page.get("/messages/1.eml")).headers["content-type"].startswith("text/plain")


async def test_only_the_pages_own_script_runs(page: httpx.AsyncClient) -> None:
    response = await page.get("/")
    assert response.headers["content-security-policy"] == content_security_policy(PAGE)
    assert content_security_policy(PAGE) != content_security_policy(PAGE.replace("use strict", "use"))
    assert "http://" not in PAGE.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in PAGE


async def test_a_page_of_another_host_name_cannot_read_mail(page: httpx.AsyncClient) -> None:
    assert (await page.get("/api/messages", headers={"host": "attacker.example"})).status_code == 400


@pytest.mark.parametrize("path", ["/api/messages/9", "/messages/9.html", "/messages/9.eml"])
async def test_a_missing_mail_is_404(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.get(path)).status_code == 404


@pytest.mark.parametrize("query", ["limit=0", "limit=9999", "before=x", "before=0"])
async def test_an_invalid_query_is_422(page: httpx.AsyncClient, query: str) -> None:
    assert (await page.get(f"/api/messages?{query}")).status_code == 422


async def test_fault_routes_exist_only_with_the_option(mails: MailStore, page: httpx.AsyncClient) -> None:
    assert (await page.put("/api/faults", json={"kind": "defer", "seconds": 5})).json()["fault"]["kind"] == "defer"
    assert (await page.delete("/api/faults")).json()["fault"] is None
    assert (await page.put("/api/faults", json={"kind": "explode"})).status_code == 422
    transport = httpx.ASGITransport(build_app(mails, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as plain:
        assert (await plain.put("/api/faults", json={"kind": "defer"})).status_code == 404


def test_a_fault_ends_by_time_by_count_and_when_it_is_removed() -> None:
    now = [0.0]
    faults = Faults(lambda: now[0])
    faults.set(Fault(kind="refuse", seconds=10, to="customer1"))
    assert faults.affect(["other@example.org"]) is None
    assert faults.affect(["Customer1@example.org"]) == "refuse"
    now[0] = 10.0
    assert faults.affect(["customer1@example.org"]) is None
    faults.set(Fault(kind="defer", count=2))
    assert [faults.affect(["x@example.org"]) for _ in range(3)] == ["defer", "defer", None]
    faults.set(Fault(kind="cut"))
    faults.set(None)
    assert faults.affect(["x@example.org"]) is None


async def test_removing_a_fault_ends_a_hang() -> None:
    faults = Faults()
    faults.set(Fault(kind="hang"))
    waiter = asyncio.create_task(faults.changed.wait())
    await asyncio.sleep(0)
    assert not waiter.done()
    faults.set(None)
    assert await asyncio.wait_for(waiter, 5)
