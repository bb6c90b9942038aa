import copy
import re
import tomllib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import holidays
import pytest

from services.sla.domain.clock_runs import apply_rule, derive_runs
from services.sla.domain.history import SOURCES, HistoryEntry
from services.sla.policies import ClockSpec, MatchFacts, Pack, Rulebook, load_rulebook, parse_rulebook, read_file
from services.sla.policies.deadlines import GoalClock, instant_of, latest, seconds
from services.sla.policies.golden import check_golden_dates
from services.sla.policies.loader import PACKS, shipped_packs
from shared.errors import Misconfigured, Rejected

DAY = date(2026, 11, 1)
NAMES = (
    "au-rg271", "eu-mica", "eu-psd2", "ie-cpc", "in-cpgrams", "in-rbi", "in-sebi", "uk-disp", "uk-housing", "uk-psr",
    "uk-telecom", "us-cfpb",
)  # fmt: skip
DOCUMENT = Path(__file__).parents[3] / "docs" / "packs.md"


@cache
def book(*names: str) -> Rulebook:
    return load_rulebook(None, around=DAY, packs=names)


def raw(name: str) -> dict[str, Any]:
    return tomllib.loads((PACKS / f"{name}.toml").read_text("utf-8"))


SHIPPED = tuple(book(*NAMES).pack_versions.values())
CLOCKS = [(pack, rule) for pack in SHIPPED for rule in pack.clocks]


def parameter_id(value: Any) -> str:
    return value.id if isinstance(value, Pack) else getattr(value, "kind", str(value))


def test_the_shipped_packs_are_listed() -> None:
    assert shipped_packs() == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_pack_loads_alone_with_correct_golden_dates(name: str) -> None:
    rulebook = book(name)
    assert {pack.id for pack in rulebook.current.packs} == {entry["id"] for entry in raw(name)["pack"]}
    check_golden_dates(rulebook)


def test_all_packs_load_together_with_the_standard_policies() -> None:
    rulebook = book(*NAMES)
    assert len(rulebook.current.packs) == len(SHIPPED) == 14
    check_golden_dates(rulebook)


def test_all_golden_dates_are_checked_quickly() -> None:
    rulebook = load_rulebook(None, around=DAY, packs=NAMES)
    taken = []
    for _ in range(3):
        begun = perf_counter()
        check_golden_dates(rulebook)
        taken.append(perf_counter() - begun)
    assert min(taken) < 0.1


@pytest.mark.parametrize("pack", SHIPPED, ids=parameter_id)
def test_a_shipped_pack_has_a_source_a_period_and_is_marked_unverified(pack: Pack) -> None:
    assert pack.verified == "no"
    assert not pack.verified_by
    assert all(source.title and (source.url or source.paragraph) for source in pack.sources)
    assert any(source.url and source.url.startswith("https://") for source in pack.sources)
    assert date(2010, 1, 1) < pack.effective_from <= DAY
    assert "Read in" in pack.notes or "Read on" in pack.notes or "Read:" in pack.notes
    assert "Not read" in pack.notes


@pytest.mark.parametrize("pack", SHIPPED, ids=parameter_id)
def test_each_clock_of_a_pack_with_several_sources_has_one(pack: Pack) -> None:
    named = Counter(kind for source in pack.sources for kind in source.clocks)
    assert len(pack.sources) == 1 or named == Counter(rule.kind for rule in pack.clocks)


def test_each_clock_cites_its_own_rule() -> None:
    disp = book("uk-disp").pack_versions["uk-disp", 2]
    assert disp.source_of("regulatory_final").paragraph == "DISP 1.6.2R"
    assert disp.source_of("summary_resolution").paragraph == "DISP 1.5.1R, 1.5.4R"
    mica = book("eu-mica").pack_versions["eu-mica", 1]
    assert mica.source_of("regulatory_final") is mica.sources[0]


@pytest.mark.parametrize(("pack", "rule"), CLOCKS, ids=parameter_id)
def test_every_clock_has_at_least_four_golden_dates_within_its_period(pack: Pack, rule: Any) -> None:
    dates = [golden for golden in pack.golden if golden.clock == rule.kind]
    assert len(dates) >= 4
    assert len({golden.start for golden in dates}) == len(dates)
    for golden in dates:
        assert pack.effective_from <= golden.start.date() <= (pack.effective_until or date.max), (
            "the date it is written with"
        )
        assert len(golden.why) > 15


def test_every_letter_escalation_step_and_extension_has_a_golden_date() -> None:
    for pack in SHIPPED:
        named = {(entry.clock, name) for entry in pack.golden for name in entry.names}
        assert {(entry.clock, f"letter {entry.id!r}") for entry in pack.letters} <= named, pack.id
        assert {(entry.clock, "extension") for entry in pack.extensions} <= named, pack.id
    assert {name for entry in SHIPPED for golden in entry.golden for name in golden.rungs} == {"-PT288H", "-PT264H"}


def test_golden_dates_include_difficult_days() -> None:
    dates = [golden for pack in SHIPPED for golden in pack.golden]
    assert sum(golden.start.weekday() >= 5 for golden in dates) >= 8, "received on a weekend"
    assert sum(golden.start.hour == 23 and golden.start.minute >= 30 for golden in dates) >= 8, "just before midnight"
    assert sum(golden.start.date() != golden.start.astimezone(UTC).date() for golden in dates) >= 8, (
        "another date in UTC"
    )
    assert sum(golden.start.utcoffset() != golden.due.utcoffset() for golden in dates) >= 12, (
        "clocks changed in between"
    )
    assert sum((golden.due.month, golden.due.day) == (2, 29) for golden in dates) >= 8, "leap day"
    assert sum((golden.due.month, golden.due.day) == (12, 25) for golden in dates) >= 5, "ends on Christmas Day"
    assert sum("Easter" in golden.why for golden in dates) >= 8
    assert sum((golden.due + timedelta(days=1)).day == 1 for golden in dates) >= 8, "month end"


@pytest.mark.parametrize(("pack", "rule"), CLOCKS, ids=parameter_id)
def test_a_clock_of_a_pack_is_regulatory_and_never_pauses(pack: Pack, rule: Any) -> None:
    assert rule.obligation == "regulatory"
    assert apply_rule(rule).pauses == frozenset()


def test_a_calendar_that_several_packs_use_is_the_same_in_each_file() -> None:
    listed: dict[str, Any] = {}
    for name in NAMES:
        for entry in raw(name)["calendar"]:
            assert listed.setdefault(f"{entry['id']} {entry['version']}", entry) == entry, name
    assert Counter(key.split("-")[0] for key in listed) == {"uk": 1, "ie": 1, "eu": 1, "au": 1, "us": 1, "in": 1}


@pytest.mark.parametrize(
    ("calendar", "library"),
    [
        ("uk-banking", lambda years: holidays.country_holidays("GB", subdiv="ENG", years=years)),
        ("ie-banking", lambda years: holidays.country_holidays("IE", years=years)),
        ("eu-target", lambda years: holidays.financial_holidays("XECB", years=years)),
        ("au-sydney", lambda years: holidays.country_holidays("AU", subdiv="NSW", years=years)),
        ("us-federal", lambda years: holidays.country_holidays("US", years=years)),
    ],
)
def test_the_holidays_of_a_calendar_are_those_of_the_library_for_five_years(calendar: str, library: Any) -> None:
    listed = book(*NAMES).calendar(calendar).calendar.holidays
    computed = {day for day in library(range(2024, 2029)) if day.weekday() < 5 and 2024 <= day.year <= 2028}
    assert {date.fromisoformat(holiday.on) for holiday in listed} == computed
    assert all(holiday.name and holiday.source for holiday in listed)


# ── golden dates that are wrong ───────────────────────────────────────────────────────────────────────────────────────


def refused_with(name: str, place: int, **changed: Any) -> str:
    data = copy.deepcopy(read_file(None, [name]))
    data["pack"][0]["golden"][place] |= changed
    with pytest.raises(Misconfigured) as refusal:
        check_golden_dates(parse_rulebook(data, around=DAY))
    return refusal.value.detail


def test_a_wrong_golden_date_is_refused_with_pack_clock_start_expected_and_computed_time() -> None:
    detail = refused_with("uk-disp", 1, due=datetime.fromisoformat("2026-04-07T17:00:00+01:00"))
    for word in (
        "'uk-disp' version 2",
        "summary_resolution",
        "2026-04-01T09:30:00+01:00",
        "expected 2026-04-07T17:00:00+01:00",
        "got 2026-04-08T17:00:00+01:00",
        "Easter",
    ):
        assert word in detail


@pytest.mark.parametrize(
    ("name", "place", "field", "what"),
    [
        ("uk-psr", 0, {"letters": {"holding": datetime(2026, 7, 23, 8, tzinfo=UTC)}}, "letter 'holding'"),
        ("uk-psr", 0, {"latest": datetime(2026, 8, 25, 8, tzinfo=UTC)}, "extension of regulatory_final"),
        ("in-rbi", 0, {"rungs": {"-PT264H": datetime(2026, 7, 26, 8, tzinfo=UTC)}}, "rung '-PT264H'"),
    ],
)
def test_a_wrong_golden_date_of_a_letter_escalation_step_or_extension_is_refused(
    name: str, place: int, field: dict[str, Any], what: str
) -> None:
    assert what in refused_with(name, place, **field)


def test_eight_weeks_written_as_business_days_are_refused() -> None:
    data = copy.deepcopy(read_file(None, ["uk-disp"]))
    data["pack"][0]["clocks"][1]["goal"] = {"business_days": 40, "day_zero": "receipt", "ends": "midnight"}
    with pytest.raises(Misconfigured, match="'uk-disp' version 2: golden date of regulatory_final"):
        check_golden_dates(parse_rulebook(data, around=DAY))


def test_a_holiday_that_is_announced_later_does_not_make_an_old_golden_date_wrong() -> None:
    data = copy.deepcopy(read_file(None, ["uk-psr"]))
    newer = copy.deepcopy(next(entry for entry in data["calendar"] if entry["id"] == "uk-banking")) | {"version": 2}
    newer["holidays"].append({"on": "2026-07-15", "name": "A royal day"})
    data["calendar"].append(newer)
    rulebook = parse_rulebook(data, around=DAY)
    assert rulebook.calendar("uk-banking").calendar.version == 2
    check_golden_dates(rulebook)


# ── several packs on one complaint ────────────────────────────────────────────────────────────────────────────────────

RECEIVED = datetime(2026, 7, 6, 9, tzinfo=UTC)


def pack_clocks(rulebook: Rulebook, at: datetime = RECEIVED, **facts: Any) -> dict[str, ClockSpec]:
    return {spec.name: spec for spec in rulebook.clock_specs(rulebook.match(MatchFacts(**facts), at)) if spec.pack}


def due(spec: ClockSpec, at: datetime = RECEIVED) -> datetime:
    return instant_of(GoalClock(spec.rule.goal, spec.compiled, seconds(at)).due())


def test_several_packs_of_one_complaint_have_their_own_clocks_and_the_earliest_is_first() -> None:
    specs = pack_clocks(book("uk-disp", "uk-psr", "eu-psd2"))
    assert set(specs) == {
        "uk-disp/summary_resolution",
        "uk-disp/regulatory_final",
        "uk-psr/regulatory_final",
        "eu-psd2/regulatory_final",
    }
    final = {name: due(spec) for name, spec in specs.items() if name.endswith("regulatory_final")}
    assert min(final, key=lambda name: final[name]) == "eu-psd2/regulatory_final", "Brussels' day ends an hour earlier"
    assert final["eu-psd2/regulatory_final"] == datetime(2026, 7, 27, 21, 59, 59, tzinfo=UTC)
    assert final["uk-psr/regulatory_final"] == datetime(2026, 7, 27, 22, 59, 59, tzinfo=UTC)
    assert final["uk-disp/regulatory_final"] == datetime(2026, 8, 31, 22, 59, 59, tzinfo=UTC)


def test_each_clock_of_a_pack_has_its_own_letters() -> None:
    specs = pack_clocks(book("uk-housing"))
    assert {name: [letter.id for letter in spec.letters] for name, spec in specs.items()} == {
        "uk-housing/acknowledge": [],
        "uk-housing/regulatory_final": ["delay"],
        "uk-housing/stage2": ["acknowledgement-stage-2", "delay-stage-2"],
    }


@pytest.mark.parametrize(
    ("name", "before", "after", "changed"),
    [
        ("uk-telecom", "uk-telecom-2018", "uk-telecom", datetime(2026, 4, 8, tzinfo=UTC)),
        ("ie-cpc", "ie-cpc-2012", "ie-cpc", datetime(2026, 3, 24, tzinfo=UTC)),
    ],
)
def test_the_day_of_receipt_selects_the_version_of_a_rule(
    name: str, before: str, after: str, changed: datetime
) -> None:
    rulebook = book(name)
    assert {spec.pack for spec in pack_clocks(rulebook, changed - timedelta(hours=12)).values()} == {before}
    assert {spec.pack for spec in pack_clocks(rulebook, changed + timedelta(hours=12)).values()} == {after}


def test_a_pack_with_a_condition_applies_only_to_matching_complaints() -> None:
    data = copy.deepcopy(read_file(None, ["uk-psr"]))
    data["pack"][0] |= {"id": "uk-psr-ours", "when": {"product": ["card"]}}
    rulebook = parse_rulebook(data, around=DAY)
    assert set(pack_clocks(rulebook, product="card")) == {"uk-psr-ours/regulatory_final"}
    assert pack_clocks(rulebook, product="mortgage") == {}
    assert pack_clocks(rulebook) == {}


# ── letters, extensions, starts ───────────────────────────────────────────────────────────────────────────────────────

LETTERS = [(pack, letter) for pack in SHIPPED for letter in pack.letters]


@pytest.mark.parametrize(("pack", "letter"), LETTERS, ids=lambda entry: entry.id)
def test_a_letter_is_due_at_an_opening_with_its_whole_lead_before_the_due_time(pack: Pack, letter: Any) -> None:
    rule, compiled = pack.rule(letter.clock), book(*NAMES).calendar(pack.calendar)
    for day in range(365):
        start = datetime(2026, 6, 1, 7, 30, tzinfo=UTC) + timedelta(days=day)
        clock = GoalClock(rule.goal, compiled, seconds(start))
        at = clock.before_due(letter.lead, clock.due())
        zone = compiled.calendar.zone
        first, last = (instant_of(instant).astimezone(zone).date() for instant in (at, clock.due()))
        assert compiled.business(first.toordinal())[0] == at, "the opening of an open date"
        days = [day for day in range(first.toordinal(), last.toordinal()) if compiled.business(day)]
        assert len(days) == letter.lead.business_days, "open dates from that morning on, the last day not counted"
        assert seconds(start) < at < clock.due()
    assert letter.reasons


def test_an_extension_ends_like_the_goal_of_its_clock() -> None:
    pack = book("uk-housing").pack_versions["uk-housing", 2]
    compiled, extension = book("uk-housing").calendar("uk-banking"), pack.extension_of("regulatory_final")
    assert extension is not None
    at = seconds(datetime.fromisoformat("2026-07-20T23:59:59+01:00"))
    assert instant_of(latest(pack.rule("regulatory_final"), extension, compiled, at)).isoformat() == (
        "2026-08-03T22:59:59+00:00"
    )
    none = extension.model_copy(update={"business_days": 0})
    assert latest(pack.rule("regulatory_final"), none, compiled, at) == at
    assert pack.extension_of("acknowledge") is None


def moment(what: Any, day: int, source: Any = "notify") -> HistoryEntry:
    at = RECEIVED + timedelta(days=day)
    return HistoryEntry(at, SOURCES[source], day + 1, what, f"m{day}", at)


def test_the_landlords_answer_is_counted_from_the_acknowledgement() -> None:
    rule = book("uk-housing").pack_versions["uk-housing", 2].rule("regulatory_final")
    receipt = moment("received", 0, "intake")
    assert derive_runs(apply_rule(rule), (receipt,)) == ()
    acknowledged = moment("acknowledged", 3)
    assert [run.started_at for run in derive_runs(apply_rule(rule), (receipt, acknowledged))] == [acknowledged.at]


def test_updates_are_counted_from_the_receipt_and_then_from_each_update() -> None:
    rule = book("ie-cpc").pack_versions["ie-cpc", 2].rule("periodic_update")
    moments = (moment("received", 0, "intake"), moment("acknowledged", 4), moment("told", 20), moment("told", 45))
    assert [run.started_at for run in derive_runs(apply_rule(rule), moments)] == [
        moments[0].at,
        moments[2].at,
        moments[3].at,
    ]


# ── packs that make no sense ──────────────────────────────────────────────────────────────────────────────────────────

CLOCK = {"kind": "regulatory_final", "goal": {"calendar_weeks": 8}}
GOLDEN = {"clock": "regulatory_final", "start": "2026-01-05T10:00:00Z", "due": "2026-03-02T23:59:59Z", "why": "56 days"}
PACK: dict[str, Any] = {
    "id": "ours",
    "version": 1,
    "name": "Ours",
    "jurisdiction": "GB",
    "sources": [{"title": "A rule"}],
    "effective_from": date(2026, 1, 1),
    "calendar": "always",
    "clocks": [CLOCK],
    "golden": [GOLDEN],
}
LETTER = {"id": "holding", "clock": "regulatory_final", "lead": {"business_days": 5}}
EXTENSION = {"clock": "regulatory_final", "business_days": 20, "letter": "holding"}


def with_pack(**changed: Any) -> Rulebook:
    return parse_rulebook({**read_file(None), "pack": [{**PACK, **changed}]}, around=DAY)


def test_a_clock_of_a_pack_is_regulatory_by_default() -> None:
    rulebook = with_pack(clocks=[{"kind": "acknowledge", "goal": {"wall": "PT24H"}}, CLOCK])
    assert {rule.obligation for rule in rulebook.current.packs[0].clocks} == {"regulatory"}
    check_golden_dates(rulebook)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"clocks": [{**CLOCK, "obligation": "target"}]}, "a target is not accepted in a pack"),
        ({"clocks": [{**CLOCK, "pauses": ["customer"]}]}, "never pauses"),
        ({"clocks": [CLOCK, CLOCK]}, "clocks: regulatory_final is listed twice"),
        ({"letters": [LETTER, LETTER]}, "letters: holding is listed twice"),
        ({"letters": [{**LETTER, "clock": "stage2"}]}, "expected one of the pack's clocks"),
        ({"letters": [{**LETTER, "lead": {"calendar_months": 1}}]}, "lead: expected wall, business"),
        ({"extensions": [EXTENSION]}, "regulatory_final has no letter 'holding'"),
        ({"letters": [LETTER], "extensions": [EXTENSION, EXTENSION]}, "extensions: regulatory_final is listed twice"),
        ({"golden": [{**GOLDEN, "letters": {"delay": "2026-02-01T09:00:00Z"}}]}, "has no letter 'delay'"),
        ({"golden": [{**GOLDEN, "rungs": {"75%": "2026-02-01T09:00:00Z"}}]}, "has no rung '75%'"),
        ({"golden": [{**GOLDEN, "latest": "2026-04-01T09:00:00Z"}]}, "has no extension"),
        ({"golden": [{**GOLDEN, "why": ""}]}, "golden.0.why"),
        ({"golden": []}, "golden"),
        ({"sources": []}, "sources"),
        ({"sources": [{"title": "A rule", "clocks": ["stage2"]}]}, "expected one of the pack's clocks"),
        ({"effective_until": date(2025, 12, 31)}, "effective_until"),
        ({"verified": "yes"}, "verified_by: expected who"),
        ({"calendar": "moon"}, "pack 'ours': unknown calendar 'moon'"),
    ],
)
def test_an_invalid_pack_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=re.escape(reason)):
        with_pack(**changed)


def test_an_unknown_pack_is_refused_with_the_known_names() -> None:
    with pytest.raises(Misconfigured, match=r"expected names out of au-rg271, .*us-cfpb, got 'uk-dsip'"):
        load_rulebook(None, around=DAY, packs=["uk-dsip"])
