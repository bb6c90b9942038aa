"""Reads a rulebook from TOML and refuses one that could leave a complaint without a date."""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.sla.calendar import Compiled, calendar_from
from services.sla.policies.model import Policy
from services.sla.policies.rulebook import Key, Rulebook
from shared.errors import Misconfigured, Rejected

STANDARD = Path(__file__).with_name("standard.toml")


def load_rulebook(path: Path | None, *, around: date) -> Rulebook:
    """The rulebook in that file, or the one that ships with us. `around` is the day calendars are compiled about.

    Raises `Misconfigured` with the file, what is wrong and what was expected.
    """
    source = path or STANDARD
    try:
        return rulebook_from(tomllib.loads(source.read_text("utf-8")), around=around)
    except OSError as error:
        raise Misconfigured(f"policies: cannot read {source}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"policies: {source.name} is not TOML: {error}") from None
    except Rejected as error:
        raise Misconfigured(f"policies: {source.name}: {error.detail}") from None


def rulebook_from(data: Mapping[str, Any], *, around: date) -> Rulebook:
    """A checked rulebook from plain data with the lists `calendar` and `policy`. Raises `Rejected`."""
    unknown = sorted(set(data) - {"calendar", "policy"})
    if unknown:
        raise Rejected(f"unknown section {unknown[0]!r}; expected [[calendar]] and [[policy]]")
    calendars = [calendar_from(item) for item in data.get("calendar", [])]
    policies = [_policy(item) for item in data.get("policy", [])]
    compiled = {(one.id, one.version): Compiled(one, around=around) for one in calendars}
    if len(compiled) != len(calendars):
        raise Rejected("a calendar is listed twice with the same version; a change is a new version")
    newest: dict[str, int] = {}
    for one in calendars:
        newest[one.id] = max(one.version, newest.get(one.id, 0))
    _check_calendars(policies, newest)
    return Rulebook(_matched(policies), _versions(policies), compiled, newest)


def _policy(item: Mapping[str, Any]) -> Policy:
    try:
        return Policy.model_validate(dict(item))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise Rejected(f"policy {item.get('id', '?')!r}: {where + ': ' if where else ''}{reason}") from None


def _versions(policies: list[Policy]) -> dict[Key, Policy]:
    versions = {(one.id, one.version): one for one in policies}
    if len(versions) != len(policies):
        raise Rejected("a policy is listed twice with the same version; a change is a new version")
    return versions


def _check_calendars(policies: list[Policy], newest: Mapping[str, int]) -> None:
    for policy in policies:
        if policy.calendar not in newest:
            raise Rejected(
                f"policy {policy.id!r}: unknown calendar {policy.calendar!r}; expected one of {sorted(newest)}",
            )


def _matched(policies: list[Policy]) -> tuple[Policy, ...]:
    """The newest version of each policy, in the order in which their ids first appear."""
    latest: dict[str, Policy] = {}
    for one in policies:
        if one.id not in latest or one.version > latest[one.id].version:
            latest[one.id] = one
    ordered = tuple(latest.values())
    open_ended = [not any((one.when.category, one.when.severity, one.when.channel)) for one in ordered]
    if not ordered or not open_ended[-1]:
        raise Rejected("the last policy must have no 'when', so that every complaint falls under one")
    if True in open_ended[:-1]:
        raise Rejected(f"policy {ordered[open_ended.index(True)].id!r} asks nothing, so those after it match nothing")
    return ordered
