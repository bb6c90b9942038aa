"""Printing a letter: content and language in, subject, HTML and plain text out.

One template per kind is printed through two sets of parts, so that both say the same by construction. The sandbox and
strict undefined values keep a template from doing or missing anything; every value is escaped for HTML.
"""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from services.notify.domain.content import Content, missing
from services.notify.templates.catalogue import source
from services.notify.templates.speech import Speech, speech
from services.notify.templates.stencil import Stencil, hole
from shared.contracts.events import MessageKind
from shared.errors import Rejected

_FOLDER: Final = Path(__file__).parent
STENCILS_KEPT: Final = 4096
Shape = Literal["html", "text"]
Values = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """A printed letter: what it is written in, and the `template`: kind, language and version of its sources."""

    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    locale: str
    template: str


class Printer:
    """Prints letters for one organisation. `contact_line` says how else to reach it, if it wants to be reached."""

    def __init__(self, organisation: str, *, timezone: str = "UTC", contact_line: str | None = None) -> None:
        self._house: Values = {"organisation": organisation, "contact_line": contact_line}
        self._timezone = timezone
        self._shapes = {"html": _environment("html"), "text": _environment("text")}
        self._stencils: dict[Any, tuple[Stencil, Stencil]] = {}

    def print(self, kind: MessageKind, content: Content, locale: str) -> Letter:
        """The letter, or `Rejected` when a field is absent without which this kind must not leave."""
        absent = missing(kind, content)
        if absent:
            raise Rejected(f"{kind}: expected {', '.join(absent)}")
        spoken = speech(locale, content.timezone, self._timezone)
        values = self._house | _values(content, spoken)
        html, text = self._stencil(kind, values, content, spoken)
        given = {name: value for name, value in values.items() if value}
        return Letter(
            subject=f"[{content.reference}] {spoken.say(f'subject.{kind}')}",
            html=html.fill({name: str(escape(value)) for name, value in given.items()}),
            text=text.fill({name: _indented(value) if name == "words" else value for name, value in given.items()}),
            locale=spoken.language,
            template=f"{kind}/{spoken.language}@{version(kind, spoken.language)}",
        )

    def _stencil(self, kind: MessageKind, values: Values, content: Content, speech: Speech) -> tuple[Stencil, Stencil]:
        """The same for all letters of this kind and language with the same values present."""
        present = tuple(name for name, value in values.items() if value)
        key = (kind, speech.language, content.progress, present)
        if key not in self._stencils:
            if len(self._stencils) >= STENCILS_KEPT:
                self._stencils.clear()
            given = _given(kind, values, content, speech)
            html = self._shapes["html"].get_template(f"{kind}.j2").render(given)
            text = self._shapes["text"].get_template(f"{kind}.j2").render(given)
            self._stencils[key] = (Stencil.cut(html), Stencil.cut(_tidy(text)))
        return self._stencils[key]


def _values(content: Content, speech: Speech) -> Values:
    """Every string that differs from letter to letter; None where there is nothing to say."""
    name = content.name
    offers = {f"offer_{n}": speech.offer(redress) for n, redress in enumerate(content.redress)}
    return {
        "reference": content.reference,
        "greeting": speech.say("greeting.named", name=name) if name else speech.say("greeting.plain"),
        "subject": content.subject,
        "wish": content.expected_outcome,
        "category": speech.label("category", content.category),
        "owner": _owner(content, speech),
        "received": speech.moment(content.received_at),
        "due": speech.moment(content.due_at),
        "old_due": speech.moment(content.old_due_at),
        "reason": speech.label("reason", content.reason),
        "words": content.words,
        "state": speech.label("state", content.progress),
        "outcome": speech.label("outcome", content.outcome),
        **offers,
    }


def _given(kind: MessageKind, values: Values, content: Content, speech: Speech) -> dict[str, Any]:
    """What a template sees: holes for values, and the words of the language."""
    holes = {name: hole(name) if value else None for name, value in values.items()}
    offers = [hole(name) for name in values if name.startswith("offer_")]
    fixed = {"kind": kind, "language": speech.language, "progress": content.progress, "say": speech.say}
    return {**holes, **fixed, "offers": offers}


@cache
def version(kind: MessageKind, language: str) -> str:
    """Eight hexadecimal digits over all that this letter is made of; it changes with any word or style."""
    files = (f"kinds/{kind}.j2", "html/layout.j2", "html/parts.j2", "text/layout.j2", "text/parts.j2")
    digest = sha256(source(language))
    for name in files:
        digest.update((_FOLDER / name).read_bytes())
    return digest.hexdigest()[:8]


def _environment(shape: Shape) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([_FOLDER / "kinds", _FOLDER / shape]),
        autoescape=shape == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _owner(content: Content, speech: Speech) -> str | None:
    """The handler and their team; a team known only by a code is shown as words."""
    team = speech.label("team", content.team) or (content.team or "").replace("_", " ").replace("-", " ")
    if content.handler:
        return content.handler if not team or team in content.handler else f"{content.handler} ({team})"
    return team or None


def _indented(words: str) -> str:
    """Words of several lines, to stand in an indented place."""
    return "\n".join(f"    {line}".rstrip() for line in words.splitlines()).removeprefix("    ")


def _tidy(text: str) -> str:
    """Plain text without the blank lines that templates leave behind."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for above, line in zip(["", *lines], lines, strict=False) if line or above]
    return "\n".join(kept).strip("\n") + "\n"
