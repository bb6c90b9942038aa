"""A team's due dates as a calendar, on real PostgreSQL: what entries say, what is cut, and how clients subscribe."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import icalendar
import pytest

from services.sla.domain import evaluation
from services.sla.explain.clock import Look
from services.sla.policies import load_rulebook
from services.sla.reports import at_risk
from services.sla.reports.ical_feed import calendar
from services.sla.routes import calendar_feed as doors
from services.sla.store.states import read_state
from tests.integration.test_sla_http import Front, ahead, dsn, running, told

__all__ = ["dsn", "running"]  # fixtures
DAY = timedelta(days=1)


def entries(content: bytes) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(content).walk("VEVENT"))


async def test_entries_say_what_is_due_for_which_complaint_and_why(running: Front) -> None:
    subject = await running.opened(team="says")
    _, seen = await running.clocks(subject)
    body = {"subject": "action", "item": "new_kettle", "due_at": ahead(days=3)}
    made = await running.http.post(f"/v1/complaints/{subject}/promises", json=body, headers={"if-match": seen})
    assert made.status_code == 201
    now = datetime.now(UTC)
    await running.hears(subject, (told(2, now, "progress"), now))
    found = entries((await running.http.get("/v1/teams/says/due.ics")).content)
    why = {str(one["summary"]).rpartition(" (")[0]: str(one["description"]).partition("\n")[2] for one in found}
    assert {"Promised: the action we agreed: new_kettle", "The answer", "Promised: an answer"} <= why.keys()
    for one in found:
        assert str(one["description"]).startswith(f"Complaint {subject}\n")
        assert subject[-12:] in one["summary"]
    assert why["The answer"].startswith("The answer is due within")
    assert "because policy 'everyday' version 1 applies. So it is due" in why["The answer"]
    assert why["Promised: an answer"].endswith("It stands.")


async def test_a_clock_of_a_pack_is_told_apart_by_the_name_of_its_pack(running: Front) -> None:
    packs = ("uk-disp", "eu-psd2")
    book = load_rulebook(None, around=datetime.now(UTC).date(), packs=packs)
    subject = await running.opened(team="packs")
    now, state = await read_state(running.runtime.pool, subject)  # type: ignore[arg-type]
    assert state is not None
    under = state.terms[-1]._replace(terms=book.match(state.asked(state.triages[-1]), now))
    clocks = [one for one in evaluation(state.replace(terms=(under,)), book).clocks if one.is_open and one.due_at]
    made = [
        at_risk.AtRiskItem(state.complaint_id, "packs", one.due_at or now, False, one, now, Look(state, now))
        for one in clocks
    ]
    found = entries(calendar("packs", at_risk.AtRiskPage(now, made, cut=False), book))
    titles = [str(one["summary"]).rpartition(" (")[0] for one in found]
    assert len(set(titles)) == len(titles), titles
    for name in {pack.name for pack in book.current.packs}:
        assert any(title.endswith(f", {name}") for title in titles), titles
    assert {one.pack.id for one in made if one.pack} == set(packs)


async def test_with_nothing_due_it_is_a_calendar_all_the_same(running: Front) -> None:
    await running.opened(team="busy")
    answer = await running.http.get("/v1/teams/quiet/due.ics")
    assert answer.status_code == 200
    feed = icalendar.Calendar.from_ical(answer.content)
    assert [one.name for one in feed.subcomponents] == ["VTIMEZONE"], "RFC 5545 3.6 wants one component"
    assert "busy" in feed["x-wr-caldesc"]
    again = await running.http.get("/v1/teams/quiet/due.ics", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_when_it_is_cut_live_dates_stay_and_it_says_so(running: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await running.opened(team="full", ago=60 * DAY)
    fresh = await running.opened(team="full")
    whole = entries((await running.http.get("/v1/teams/full/due.ics")).content)
    live = {str(one["uid"]) for one in whole if not str(one["summary"]).startswith("Late: ")}
    assert 0 < len(live) < len(whole)
    monkeypatch.setattr(doors, "MOST", len(live) + 2)
    answer = await running.http.get("/v1/teams/full/due.ics")
    notice, *shown = sorted(entries(answer.content), key=lambda one: not str(one["summary"]).startswith("Not all"))
    assert len(shown) == len(live) + 2
    assert live <= {str(one["uid"]) for one in shown}
    assert any(fresh in str(one["description"]) for one in shown)
    assert str(notice["summary"]) == f"Not all: {len(shown)} dates are shown"
    assert "GET /v1/at-risk has all" in icalendar.Calendar.from_ical(answer.content)["x-wr-caldesc"]


async def test_the_token_may_be_a_password_at_this_door_alone(running: Front) -> None:
    def basic(token: str) -> dict[str, str]:
        return {"authorization": f"Basic {b64encode(f'anybody:{token}'.encode()).decode()}"}

    token = running.headers("complaints:read")["authorization"].removeprefix("Bearer ")
    path = "/v1/teams/says/due.ics"
    assert (await running.http.get(path, headers=basic(token))).status_code == 200
    other = running.headers("promises:write")["authorization"].removeprefix("Bearer ")
    assert (await running.http.get(path, headers=basic(other))).status_code == 403
    for given in (basic("wrong"), basic(""), {"authorization": "Basic ???"}, {"authorization": ""}):
        refused = await running.http.get(path, headers=given)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
        assert refused.headers["www-authenticate"] == 'Bearer, Basic realm="Redress", charset="UTF-8"'
    assert (await running.http.get("/v1/at-risk", headers=basic(token))).status_code == 401


async def test_what_is_at_risk_is_told_page_by_page_with_how_many_there_are(running: Front) -> None:
    subjects = {await running.opened(team="pages", ago=n * 20 * DAY) for n in range(1, 6)}
    seen: list[str] = []
    for offset in (0, 2, 4):
        given = {"team": "pages", "limit": 2, "offset": offset}
        page = (await running.http.get("/v1/at-risk", params=given)).json()
        assert (page["total"], page["more"]) == (5, offset < 4)
        seen += dict.fromkeys(one["complaint_id"] for one in page["items"])
        assert all(one["item"] == "" and one["pack"] is None for one in page["items"])
    assert len(seen) == 5
    assert set(seen) == subjects
    beyond = (await running.http.get("/v1/at-risk", params={"team": "pages", "offset": 5})).json()
    assert (beyond["items"], beyond["more"], beyond["total"]) == ([], False, 5)
