"""Calendar feed of a team's due dates, on real PostgreSQL: contents of entries, the limit, and authentication."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from services.sla.domain.apply import match_facts
from services.sla.policies import load_rulebook
from services.sla.reports import at_risk
from services.sla.reports.ical_feed import ical_feed
from services.sla.routes import calendar_feed
from services.sla.store.states import read_state
from tests.integration.sla_client import SlaClient, accepted, ahead

DAY = timedelta(days=1)


def entries(content: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(content).walk("VEVENT"))


async def test_an_entry_contains_due_date_complaint_and_reason(module_sla: SlaClient) -> None:
    subject = await module_sla.opened(team="contents")
    _, seen = await module_sla.clocks(subject)
    body = {"subject": "action", "item": "new_kettle", "due_at": ahead(days=3)}
    made = await module_sla.http.post(f"/v1/complaints/{subject}/promises", json=body, headers={"if-match": seen})
    assert made.status_code == 201
    now = datetime.now(UTC)
    await module_sla.receive(subject, (accepted(2, now, "progress"), now))
    listed = entries((await module_sla.http.get("/v1/teams/contents/due.ics")).content)
    why = {str(entry["summary"]).rpartition(" (")[0]: str(entry["description"]).partition("\n")[2] for entry in listed}
    assert {"Promised: the action we agreed: new_kettle", "The answer", "Promised: an answer"} <= why.keys()
    for entry in listed:
        assert str(entry["description"]).startswith(f"Complaint {subject}\n")
        assert subject[-12:] in entry["summary"]
    assert why["The answer"].startswith("The answer is due within")
    assert "because policy 'everyday' version 1 applies. So it is due" in why["The answer"]
    assert why["Promised: an answer"].endswith("It is still valid.")


async def test_the_entry_of_a_pack_clock_contains_the_name_of_the_pack(module_sla: SlaClient) -> None:
    packs = ("uk-disp", "eu-psd2")
    book = load_rulebook(None, around=datetime.now(UTC).date(), packs=packs)
    subject = await module_sla.opened(team="packs")
    now, state = await read_state(module_sla.runtime.pool, subject)  # type: ignore[arg-type]
    assert state is not None
    under = state.terms[-1]._replace(terms=book.match(match_facts(state, state.triages[-1]), now))
    row = {"state": state.replace(terms=(under,)).model_dump_json(by_alias=True), "team": "packs", "updated_at": now}
    made = [item for item in at_risk.open_items(row, book, now, now + 366 * DAY) if item.kind == "clock"]
    listed = entries(ical_feed("packs", at_risk.AtRiskPage(now, made, cut=False)))
    titles = [str(entry["summary"]).rpartition(" (")[0] for entry in listed]
    assert len(set(titles)) == len(titles), titles
    for name in {pack.name for pack in book.current.packs}:
        assert any(title.endswith(f", {name}") for title in titles), titles
    assert {item.pack for item in made if item.pack} == set(packs)


async def test_a_team_without_due_dates_has_a_valid_calendar(module_sla: SlaClient) -> None:
    await module_sla.opened(team="busy")
    answer = await module_sla.http.get("/v1/teams/quiet/due.ics")
    assert answer.status_code == 200
    feed = icalendar.Calendar.from_ical(answer.content)
    assert [component.name for component in feed.subcomponents] == ["VTIMEZONE"], "RFC 5545 3.6 requires one component"
    assert "busy" in feed["x-wr-caldesc"]
    again = await module_sla.http.get("/v1/teams/quiet/due.ics", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_calendar_above_the_limit_keeps_the_future_dates_and_is_marked_incomplete(
    module_sla: SlaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await module_sla.opened(team="full", ago=60 * DAY)
    fresh = await module_sla.opened(team="full")
    whole = entries((await module_sla.http.get("/v1/teams/full/due.ics")).content)
    live = {str(entry["uid"]) for entry in whole if not str(entry["summary"]).startswith("Late: ")}
    assert 0 < len(live) < len(whole)
    monkeypatch.setattr(calendar_feed, "ENTRIES_MAX", len(live) + 2)
    answer = await module_sla.http.get("/v1/teams/full/due.ics")
    notice, *shown = sorted(entries(answer.content), key=lambda entry: not str(entry["summary"]).startswith("Not all"))
    assert len(shown) == len(live) + 2
    assert live <= {str(entry["uid"]) for entry in shown}
    assert any(fresh in str(entry["description"]) for entry in shown)
    assert str(notice["summary"]) == f"Not all: {len(shown)} dates are shown"
    assert "GET /v1/at-risk has all" in icalendar.Calendar.from_ical(answer.content)["x-wr-caldesc"]


async def test_the_token_may_be_the_basic_password_of_the_calendar_endpoint_only(module_sla: SlaClient) -> None:
    def basic(token: str) -> dict[str, str]:
        return {"authorization": f"Basic {b64encode(f'anybody:{token}'.encode()).decode()}"}

    token = module_sla.headers("complaints:read")["authorization"].removeprefix("Bearer ")
    path = "/v1/teams/contents/due.ics"
    assert (await module_sla.http.get(path, headers=basic(token))).status_code == 200
    other = module_sla.headers("promises:write")["authorization"].removeprefix("Bearer ")
    assert (await module_sla.http.get(path, headers=basic(other))).status_code == 403
    for headers in (basic("wrong"), basic(""), {"authorization": "Basic ???"}, {"authorization": ""}):
        refused = await module_sla.http.get(path, headers=headers)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
        assert refused.headers["www-authenticate"] == 'Bearer, Basic realm="Redress", charset="UTF-8"'
    assert (await module_sla.http.get("/v1/at-risk", headers=basic(token))).status_code == 401


async def test_complaints_at_risk_are_paged_with_a_total(module_sla: SlaClient) -> None:
    subjects = {await module_sla.opened(team="pages", ago=n * 20 * DAY) for n in range(1, 6)}
    seen: list[str] = []
    for offset in (0, 2, 4):
        query = {"team": "pages", "limit": 2, "offset": offset}
        page = (await module_sla.http.get("/v1/at-risk", params=query)).json()
        assert (page["total"], page["more"]) == (5, offset < 4)
        seen += dict.fromkeys(item["complaint_id"] for item in page["items"])
        assert all(item["item"] == "" and item["pack"] is None for item in page["items"])
    assert len(seen) == 5
    assert set(seen) == subjects
    beyond = (await module_sla.http.get("/v1/at-risk", params={"team": "pages", "offset": 5})).json()
    assert (beyond["items"], beyond["more"], beyond["total"]) == ([], False, 5)
