"""The order in which policies are asked: the first that fits counts, so each must be able to, and the last must."""

from collections.abc import Sequence
from itertools import groupby

from services.sla.policies.model import Policy, When
from shared.errors import Rejected


def matched(ordered: tuple[Policy, ...]) -> tuple[Policy, ...]:
    """The policies, if every complaint falls under one and each could be reached. Raises `Rejected`."""
    if not ordered or not ordered[-1].when.asks_nothing:
        raise Rejected("the last policy must have no 'when', so that every complaint falls under one")
    for one in ordered[:-1]:
        if one.when.asks_nothing:
            raise Rejected(f"policy {one.id!r} asks nothing, so those after it match nothing")
    for place, one in enumerate(ordered[:-1]):
        taken = _takers(one.when, ordered[:place])
        if taken:
            raise Rejected(f"policy {one.id!r} can never match: {_asked(ordered, taken)}; put the narrower one first")
    return ordered


def _takers(when: When, before: Sequence[Policy]) -> set[str]:
    """Those asked before that together take every complaint it asks for; none where one complaint is left to it.

    What it lists is taken apart value by value, until one policy alone takes the part or none does. An unlisted value
    is left over by whoever lists some, for a field may also be unknown.
    """
    whole = next((one.id for one in before if one.when.covers(when)), None)
    if whole is not None or not before:
        return {whole} if whole else set()
    field = next((name for name in When.model_fields if len(getattr(when, name)) > 1), None)
    found: set[str] = set()
    for part, others in _parts(when, field, before) if field else ():
        takers = _takers(part, others)
        if not takers:
            return set()
        found |= takers
    return found


def _parts(when: When, field: str, before: Sequence[Policy]) -> list[tuple[When, Sequence[Policy]]]:
    """One value of a field for each set of policies that could take it: values that all treat alike are one case."""
    parts = [when.model_copy(update={field: (value,)}) for value in getattr(when, field)]
    asked = {
        index: tuple(place for place, one in enumerate(before) if one.when.covers_in(field, part))
        for index, part in enumerate(parts)
    }
    alike = groupby(sorted(asked, key=asked.__getitem__), key=asked.__getitem__)
    return [(parts[next(indices)], [before[place] for place in places]) for places, indices in alike]


def _asked(ordered: Sequence[Policy], taken: set[str]) -> str:
    names = [repr(one.id) for one in ordered if one.id in taken]
    if len(names) == 1:
        return f"{names[0]} is asked before it and takes all that it asks for"
    return f"{', '.join(names[:-1])} and {names[-1]} are asked before it and together take all that it asks for"
