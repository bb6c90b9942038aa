"""The first classifier: counts the rulebook's words. It knows no more than they do, and can say which ones it saw."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ahocorasick_rs import AhoCorasick

from services.triage.classifier.interface import TEXT_MAX, Classification, ComplaintText
from services.triage.classifier.language import Languages
from services.triage.classifier.money import Money
from services.triage.classifier.normalize import plain
from services.triage.rulebook.model import OTHER, SIGNALS, Term, TriageRulebook
from shared.contracts.events import Signal

STRONG, WEAK, IN_SUBJECT = 3.0, 1.0, 2.0
ENOUGH = 1.5  # score at which the evidence counts half
BACKGROUND = 0.5  # what a rival without a strong term counts against a best one that has some
CANDIDATES = 3
WHY_MAX = 8
NEGATION_WORDS = 3  # how far in front of a signal a negation still reaches
NEGATION_CHARACTERS = 4  # the same where words have no spaces between them
UNSPACED = frozenset({"zh"})
TONAL = frozenset({"vi"})  # marks make other words here ("thai", "thái"): read as typed, and bare terms for bare texts
LOANED = "en"  # strong English terms are read in every language: "refund", "check-in", "phishing"


class Lexicon:
    """One automaton over the terms of one language group."""

    def __init__(self, group: str, terms: Iterable[Term], negations: frozenset[str]) -> None:
        self.group = group
        self.unspaced = group in UNSPACED
        self.tonal = group in TONAL
        self._negations = tuple({form for word in negations for form in (self.form(word), plain(word))})
        meanings: dict[str, list[tuple[int, Term]]] = {}
        for number, term in enumerate(terms):
            for pattern in self._patterns(term):
                known = meanings.setdefault(pattern, [])
                if all(other.target != term.target for _, other in known):
                    known.append((number, term))
        self._terms = list(meanings.values())
        self._automaton = AhoCorasick(list(meanings))

    def form(self, text: str) -> str:
        """The text as the terms are looked for in it."""
        return plain(text, marks=self.tonal)

    def _patterns(self, term: Term) -> Iterable[str]:
        stem, is_open = term.text.removesuffix("*"), term.text.endswith("*")
        before = "" if self.unspaced and term.group == self.group else " "
        behind = "" if is_open else before
        return dict.fromkeys(f"{before}{form}{behind}" for form in (self.form(stem), plain(stem)))

    def read(self, subject: str, body: str) -> tuple[list[tuple[Term, int]], int]:
        """The terms found in both, and where the subject ends."""
        head = self.form(subject)
        return self.find(f" {head} . {self.form(body)} "), len(head) + 1 if head else 0

    def find(self, text: str) -> list[tuple[Term, int]]:
        """Each term that occurs, once, with where; signals that are negated are left out."""
        seen: set[int] = set()
        spent: set[int] = set()  # patterns that have nothing new to say; most matches of a long text are such
        found: list[tuple[Term, int]] = []
        for pattern, start, _ in self._automaton.find_matches_as_indexes(text, overlapping=True):
            if pattern in spent:
                continue
            spent.add(pattern)
            for number, term in self._terms[pattern]:
                if number in seen:
                    continue
                if term.is_signal and self.is_negated(text, start):
                    spent.discard(pattern)
                    continue
                seen.add(number)
                found.append((term, start))
        return found

    def is_negated(self, text: str, start: int) -> bool:
        """True if a negation stands closely in front of `start`, in the same sentence."""
        if self.unspaced:
            near = text[max(0, start - NEGATION_CHARACTERS) : start].rpartition(" ")[2]
            return any(word in near for word in self._negations)
        words = text[max(0, start - 40) : start].rpartition(".")[2].split()
        return not set(words[-NEGATION_WORDS:]).isdisjoint(self._negations)


class LexiconClassifier:
    """Score of a category = weights of its terms that occur; confidence = how much evidence, times how clear a lead."""

    def __init__(self, rulebook: TriageRulebook, languages: Languages) -> None:
        self._rulebook = rulebook
        self._languages = languages
        self._money = Money(rulebook.severity)
        groups = {term.group for term in rulebook.terms}
        loaned = [t for t in rulebook.terms if t.group == LOANED and t.strong and not t.is_signal]
        self._lexicons = {
            group: Lexicon(group, [*_of(group, rulebook.terms), *loaned], rulebook.negations[group]) for group in groups
        }
        self._rank = {name: place for place, name in enumerate(rulebook.categories)}

    def classify(self, texts: Sequence[ComplaintText]) -> list[Classification]:
        """One answer per text, in order."""
        return [self._one(text) for text in texts]

    def _one(self, text: ComplaintText) -> Classification:
        subject = text.subject[:TEXT_MAX]
        body = text.body[: TEXT_MAX - len(subject)]
        language = self._languages.detect(body if len(body) >= len(subject) else subject, text.locale)
        lexicon = self._lexicons.get(language.partition("-")[0])
        found, subject_end = lexicon.read(subject, body) if lexicon else ([], 0)
        scores, strong = self._scores(found, subject_end)
        ranked = sorted(scores, key=lambda name: (-scores[name], self._rank[name]))
        category = ranked[0] if ranked else OTHER
        noticed = {term.target for term, _ in found if term.is_signal}
        signals: tuple[Signal, ...] = tuple(one for one in SIGNALS if one in noticed)
        return Classification(
            category=category,
            confidence=confidence(ranked, scores, strong),
            language=language,
            candidates=tuple(ranked[:CANDIDATES]) or (OTHER,),
            signals=signals,
            large_amount=self._money.is_large(subject) or self._money.is_large(body),
            why=_why(found, category),
            version=self._rulebook.version,
        )

    def _scores(self, found: Sequence[tuple[Term, int]], subject_end: int) -> tuple[dict[str, float], set[str]]:
        """The score of each category, and those that a strong term speaks for."""
        scores: dict[str, float] = {}
        strong: set[str] = set()
        for term, start in found:
            if term.is_signal or term.target not in self._rank:
                continue
            weight = STRONG if term.strong else WEAK
            scores[term.target] = scores.get(term.target, 0.0) + weight * (IN_SUBJECT if start < subject_end else 1.0)
            if term.strong:
                strong.add(term.target)
        return scores, strong


def confidence(ranked: Sequence[str], scores: Mapping[str, float], strong: Collection[str]) -> float:
    """Evidence `b / (b + ENOUGH)` times the best's share `b / (b + rival)` of what speaks for it or its rival. 0 to 1.

    Words that only add up stand in nearly every complaint ("order", "bill", "room"). Against a category that a strong
    term names, a rival with nothing but such words is background and counts half; it never settles a case by itself.
    """
    if not ranked:
        return 0.0
    best = scores[ranked[0]]
    named = ranked[0] in strong
    rival = max((scores[one] * (BACKGROUND if named and one not in strong else 1.0) for one in ranked[1:]), default=0.0)
    return round(best / (best + ENOUGH) * best / (best + rival), 3)


def _of(group: str, terms: Iterable[Term]) -> list[Term]:
    return [term for term in terms if term.group == group]


def _why(found: Sequence[tuple[Term, int]], category: str) -> tuple[str, ...]:
    """The rulebook's own terms, strongest first; a customer's words never leave through here."""
    telling = [term for term, _ in found if term.is_signal or term.target == category]
    telling.sort(key=lambda term: (not term.strong, not term.is_signal))
    return tuple(dict.fromkeys(f"{term.target}: {term.text}" for term in telling[:WHY_MAX]))
