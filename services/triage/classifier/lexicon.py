"""Classifier that counts the terms of the rulebook in a text, and can name the terms on which it decided."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ahocorasick_rs import AhoCorasick

from services.triage.classifier.interface import TEXT_MAX, Classification, ComplaintText
from services.triage.classifier.language import Languages
from services.triage.classifier.money import MoneyDetector
from services.triage.classifier.normalize import normalize
from services.triage.rulebook.model import OTHER, SIGNALS, Term, TriageRulebook
from shared.contracts.events import Signal

STRONG, WEAK, IN_SUBJECT = 3.0, 1.0, 2.0
ENOUGH = 1.5  # score at which the factor for evidence is one half
BACKGROUND = 0.5  # weight of a second category without a strong term, if the first has one
CANDIDATES = 3
WHY_MAX = 8
NEGATION_WORDS = 3  # words before a signal in which a negation still counts
NEGATION_CHARACTERS = 4  # the same in languages without spaces between words
UNSPACED = frozenset({"zh"})
# In Vietnamese accents make other words ("thai", "thái"), so they are kept. Terms are searched with and without
# accents, because many people type without them.
TONAL = frozenset({"vi"})
LOANED = "en"  # strong English terms are searched in every language: "refund", "check-in", "phishing"


class Lexicon:
    """Search for the terms of one language group: one automaton finds all of them in one pass over the text."""

    def __init__(self, group: str, terms: Iterable[Term], negations: frozenset[str]) -> None:
        self.group = group
        self.unspaced = group in UNSPACED
        self.tonal = group in TONAL
        self._negations = tuple({form for word in negations for form in (self.form(word), normalize(word))})
        meanings: dict[str, list[tuple[int, Term]]] = {}
        for number, term in enumerate(terms):
            for pattern in self._patterns(term):
                meaning = meanings.setdefault(pattern, [])
                if all(other.target != term.target for _, other in meaning):
                    meaning.append((number, term))
        self._terms = list(meanings.values())
        self._automaton = AhoCorasick(list(meanings))

    def form(self, text: str) -> str:
        """Return the text in the form in which terms are searched."""
        return normalize(text, marks=self.tonal)

    def _patterns(self, term: Term) -> Iterable[str]:
        """Return the strings to search for: a space on each side matches whole words only."""
        stem, is_open = term.text.removesuffix("*"), term.text.endswith("*")
        start = "" if self.unspaced and term.group == self.group else " "
        end = "" if is_open else start
        return dict.fromkeys(f"{start}{form}{end}" for form in (self.form(stem), normalize(stem)))

    def read(self, subject: str, body: str) -> tuple[list[tuple[Term, int]], int]:
        """Return the terms in subject and body with their positions, and the position at which the subject ends."""
        head = self.form(subject)
        return self.find(f" {head} . {self.form(body)} "), len(head) + 1 if head else 0

    def find(self, text: str) -> list[tuple[Term, int]]:
        """Return each term that occurs with its first position. Negated signals do not count."""
        seen: set[int] = set()
        spent: set[int] = set()  # patterns whose terms are all in `seen`: most matches in a long text repeat one
        matches: list[tuple[Term, int]] = []
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
                matches.append((term, start))
        return matches

    def is_negated(self, text: str, start: int) -> bool:
        """Return True if a negation precedes `start` within a few words of the same sentence."""
        if self.unspaced:
            near = text[max(0, start - NEGATION_CHARACTERS) : start].rpartition(" ")[2]
            return any(word in near for word in self._negations)
        words = text[max(0, start - 40) : start].rpartition(".")[2].split()
        return not set(words[-NEGATION_WORDS:]).isdisjoint(self._negations)


class LexiconClassifier:
    """Classifier by scores: a category's score is the sum of the weights of its terms in the text.

    The best score wins; equal scores are decided by the order of the categories in the rulebook.
    """

    def __init__(self, rulebook: TriageRulebook, languages: Languages) -> None:
        self._rulebook = rulebook
        self._languages = languages
        self._money = MoneyDetector(rulebook.severity)
        groups = {term.group for term in rulebook.terms}
        loaned = [term for term in rulebook.terms if term.group == LOANED and term.strong and not term.is_signal]
        self._lexicons = {
            group: Lexicon(group, [*_select(group, rulebook.terms), *loaned], rulebook.negations[group])
            for group in groups
        }
        self._rank = {category: position for position, category in enumerate(rulebook.categories)}

    def classify(self, texts: Sequence[ComplaintText]) -> list[Classification]:
        """Return one classification per text, in order."""
        return [self._classify(text) for text in texts]

    def _classify(self, text: ComplaintText) -> Classification:
        subject = text.subject[:TEXT_MAX]
        body = text.body[: TEXT_MAX - len(subject)]
        language = self._languages.detect(body if len(body) >= len(subject) else subject, text.locale)
        lexicon = self._lexicons.get(language.partition("-")[0])
        matches, subject_end = lexicon.read(subject, body) if lexicon else ([], 0)
        scores, strong = self._scores(matches, subject_end)
        ranked = sorted(scores, key=lambda name: (-scores[name], self._rank[name]))
        category = ranked[0] if ranked else OTHER
        matched = {term.target for term, _ in matches if term.is_signal}
        signals: tuple[Signal, ...] = tuple(signal for signal in SIGNALS if signal in matched)
        return Classification(
            category=category,
            confidence=confidence(ranked, scores, strong),
            language=language,
            candidates=tuple(ranked[:CANDIDATES]) or (OTHER,),
            signals=signals,
            large_amount=self._money.is_large(subject) or self._money.is_large(body),
            why=_why(matches, category),
            version=self._rulebook.version,
        )

    def _scores(self, matches: Sequence[tuple[Term, int]], subject_end: int) -> tuple[dict[str, float], set[str]]:
        """Return the score of each category, and the categories with a strong term."""
        scores: dict[str, float] = {}
        strong: set[str] = set()
        for term, start in matches:
            if term.is_signal or term.target not in self._rank:
                continue
            weight = STRONG if term.strong else WEAK
            scores[term.target] = scores.get(term.target, 0.0) + weight * (IN_SUBJECT if start < subject_end else 1.0)
            if term.strong:
                strong.add(term.target)
        return scores, strong


def confidence(ranked: Sequence[str], scores: Mapping[str, float], strong: Collection[str]) -> float:
    """Return the confidence in the first category of `ranked`, from 0 to 1.

    With `b` the best score and `r` the highest score of another category, it is the product of the evidence
    `b / (b + ENOUGH)` and of the share `b / (b + r)`: low if few terms were found, and low if two categories are close.

    Weak terms ("order", "bill", "room") occur in nearly every complaint. If the best category has a strong term, the
    score of a category with weak terms only is therefore halved.
    """
    if not ranked:
        return 0.0
    best = scores[ranked[0]]
    has_strong = ranked[0] in strong
    others = (scores[name] * (BACKGROUND if has_strong and name not in strong else 1.0) for name in ranked[1:])
    rival = max(others, default=0.0)
    return round(best / (best + ENOUGH) * best / (best + rival), 3)


def _select(group: str, terms: Iterable[Term]) -> list[Term]:
    return [term for term in terms if term.group == group]


def _why(matches: Sequence[tuple[Term, int]], category: str) -> tuple[str, ...]:
    """Return the terms that decided, strongest first, as the rulebook writes them and not as the customer did."""
    terms = [term for term, _ in matches if term.is_signal or term.target == category]
    terms.sort(key=lambda term: (not term.strong, not term.is_signal))
    return tuple(dict.fromkeys(f"{term.target}: {term.text}" for term in terms[:WHY_MAX]))
