"""Printing a letter: content and language in, subject, HTML and plain text out.

One template per kind is printed through two sets of parts, so that both say the same by construction. The sandbox and
strict undefined values keep a template from doing or missing anything; every value is escaped for HTML.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import escape

from services.notify.domain.content import Content, missing_fields
from services.notify.templates.catalogue import read_source
from services.notify.templates.localize import Localizer, get_localizer
from services.notify.templates.precompiled import PrecompiledTemplate, placeholder
from services.notify.templates.values import Values, build_values
from shared.contracts.events import MessageKind
from shared.errors import Rejected

_FOLDER: Final = Path(__file__).parent
STENCILS_KEPT: Final = 4096
QUOTED: Final = frozenset({"words", "body"})  # of several lines, in an indented place
Shape = Literal["html", "text"]


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A printed letter: what it is written in, and the `template`: kind, language and version of its sources."""

    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    locale: str
    template: str


class Renderer:
    """Prints letters for one organisation. `contact_line` says how else to reach it, if it wants to be reached.

    `recourse` names the ombudsman or next body, by regulator pack; `*` stands for all packs that it does not name.
    """

    def __init__(
        self,
        organisation: str,
        *,
        timezone: str = "UTC",
        contact_line: str | None = None,
        recourse: Mapping[str, str] | None = None,
    ) -> None:
        self._house: Values = {"organisation": organisation, "contact_line": contact_line}
        self._recourse = recourse or {}
        self._timezone = timezone
        self._shapes = {"html": _environment("html"), "text": _environment("text")}
        self._stencils: dict[Any, tuple[PrecompiledTemplate, PrecompiledTemplate]] = {}

    def print(self, kind: MessageKind, content: Content, locale: str) -> RenderedMessage:
        """The letter, or `Rejected` when a field is absent without which this kind must not leave."""
        absent = missing_fields(kind, content)
        if absent:
            raise Rejected(f"{kind}: expected {', '.join(absent)}")
        spoken = get_localizer(locale, content.timezone, self._timezone)
        values = self._house | build_values(content, spoken) | {"body": self._body(content)}
        html, text = self._stencil(kind, values, content, spoken)
        given = {name: value for name, value in values.items() if value}
        return RenderedMessage(
            subject=f"[{content.reference}] {spoken.say(f'subject.{kind}')}",
            html=html.fill({name: str(escape(value)) for name, value in given.items()}),
            text=text.fill({name: _indented(value) if name in QUOTED else value for name, value in given.items()}),
            locale=spoken.language,
            template=f"{kind}/{spoken.language}@{version(kind, spoken.language)}",
        )

    def _body(self, content: Content) -> str | None:
        """Who else decides, where this letter tells of the right to go there."""
        if not content.recourse or content.letter is None:
            return None
        return self._recourse.get(content.letter.partition(":")[0]) or self._recourse.get("*")

    def _stencil(
        self, kind: MessageKind, values: Values, content: Content, speech: Localizer
    ) -> tuple[PrecompiledTemplate, PrecompiledTemplate]:
        """The same for all letters of this kind and language with the same values present."""
        present = tuple(name for name, value in values.items() if value)
        flags = (content.progress, content.about, content.recourse, content.repeats)
        key = (kind, speech.language, flags, present)
        if key not in self._stencils:
            if len(self._stencils) >= STENCILS_KEPT:
                self._stencils.clear()
            given = _given(kind, values, content, speech)
            html = self._shapes["html"].get_template(f"{kind}.j2").render(given)
            text = self._shapes["text"].get_template(f"{kind}.j2").render(given)
            self._stencils[key] = (PrecompiledTemplate.cut(html), PrecompiledTemplate.cut(_tidy(text)))
        return self._stencils[key]


def _given(kind: MessageKind, values: Values, content: Content, speech: Localizer) -> dict[str, Any]:
    """What a template sees: holes for values, and the words of the language."""
    holes = {name: placeholder(name) if value else None for name, value in values.items()}
    offers = [placeholder(name) for name in values if name.startswith("offer_")]
    reasons = [placeholder(name) for name in values if name.startswith("reason_")]
    fixed = {
        "kind": kind,
        "language": speech.language,
        "progress": content.progress,
        "about": content.about,
        "recourse": content.recourse,
        "repeats": content.repeats,
        "say": speech.say,
    }
    return {**holes, **fixed, "offers": offers, "reasons": reasons}


@cache
def version(kind: MessageKind, language: str) -> str:
    """Eight hexadecimal digits over all that this letter is made of; it changes with any word or style."""
    files = (f"kinds/{kind}.j2", "html/layout.j2", "html/parts.j2", "text/layout.j2", "text/parts.j2")
    digest = sha256(read_source(language))
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


def _indented(words: str) -> str:
    """Words of several lines, to stand in an indented place."""
    return "\n".join(f"    {line}".rstrip() for line in words.splitlines()).removeprefix("    ")


def _tidy(text: str) -> str:
    """Plain text without the blank lines that templates leave behind."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for above, line in zip(["", *lines], lines, strict=False) if line or above]
    return "\n".join(kept).strip("\n") + "\n"
