"""Check that each policy can match some complaint, given the policies before it.

Policies are tried in order and the first match applies. A policy is therefore dead if the policies before it match
every complaint that it matches. A rulebook with a dead policy is refused, because its author believes it has an effect.

One earlier policy may cover it alone, which is easy to test field by field. But several may cover it only together:
after "severity high" and "severity low", a policy for "severity high or low" never matches, although neither of the
two covers it. So the condition is split: a field with several accepted values becomes one condition for each value,
and each part must be covered. The split ends when one policy covers the part, or when no field has several values.

A field that accepts all values is never split by value. An unlisted value always remains for it: fields such as the
product have no fixed list of values, and any field may be unknown when the policy is chosen.
"""

from collections.abc import Sequence

from services.sla.policies.model import Policy, When
from shared.errors import Rejected


def require_reachable(ordered: tuple[Policy, ...]) -> tuple[Policy, ...]:
    """Return the policies. Raises `Rejected` if a complaint may match none of them, or a policy can never match."""
    if not ordered or not ordered[-1].when.is_unconditional:
        raise Rejected("the last policy: expected no 'when', so that it matches every complaint")
    for policy in ordered[:-1]:
        if policy.when.is_unconditional:
            raise Rejected(
                f"policy {policy.id!r} has no 'when' and matches every complaint; expected it to be the last"
            )
    for index, policy in enumerate(ordered[:-1]):
        covering = _covering(policy.when, ordered[:index])
        if covering:
            raise Rejected(
                f"policy {policy.id!r} can never match: {_reason(ordered, covering)}; put the narrower one first"
            )
    return ordered


def _covering(when: When, before: Sequence[Policy]) -> set[str]:
    """Return the ids of earlier policies that together cover the condition; empty if a complaint is left for it."""
    alone = next((policy.id for policy in before if policy.when.covers(when)), None)
    if alone is not None or not before:
        return {alone} if alone else set()
    field = next((name for name in When.model_fields if len(getattr(when, name)) > 1), None)
    covering: set[str] = set()
    for part, others in _split(when, field, before) if field else ():
        of_part = _covering(part, others)
        if not of_part:
            return set()
        covering |= of_part
    return covering


def _split(when: When, field: str, before: Sequence[Policy]) -> list[tuple[When, Sequence[Policy]]]:
    """Split a condition by the values of a field, each part with the earlier policies that accept its value.

    Values that the same policies accept give the same answer, so only the first of them is kept. Without this the
    number of parts is the product of the lengths of all lists.
    """
    parts: dict[tuple[int, ...], When] = {}  # by the indexes of the policies that accept the value
    for value in getattr(when, field):
        part = when.model_copy(update={field: (value,)})
        accepting = tuple(index for index, policy in enumerate(before) if policy.when.covers_in(field, part))
        parts.setdefault(accepting, part)
    return [(part, [before[index] for index in accepting]) for accepting, part in parts.items()]


def _reason(ordered: Sequence[Policy], covering: set[str]) -> str:
    names = [repr(policy.id) for policy in ordered if policy.id in covering]
    if len(names) == 1:
        return f"{names[0]} comes before it and matches the same complaints"
    return f"{', '.join(names[:-1])} and {names[-1]} come before it and together match the same complaints"
