"""Rendering of messages: from content and language to subject, HTML and plain text.

Each kind has one template, which is rendered with two sets of macros, one for HTML and one for plain text. Both
versions therefore have the same sentences. The sandbox and strict undefined values stop a template that uses a missing
value. Every value is escaped for HTML.
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
TEMPLATES_CACHED: Final = 4096
INDENTED: Final = frozenset({"words", "body"})  # values of several lines, which plain text indents
Format = Literal["html", "text"]


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """Rendered message. `locale` is its language; `template` names kind, language and version of its sources."""

    subject: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    locale: str
    template: str


class Renderer:
    """Renderer of the messages of one organisation. `contact_line` is printed at the end of each message.

    `recourse` holds the text about the ombudsman or next body by regulator pack; `*` is for all other packs.
    """

    def __init__(
        self,
        organisation: str,
        *,
        timezone: str = "UTC",
        contact_line: str | None = None,
        recourse: Mapping[str, str] | None = None,
    ) -> None:
        self._organisation: Values = {"organisation": organisation, "contact_line": contact_line}
        self._recourse = recourse or {}
        self._timezone = timezone
        self._html = _environment("html")
        self._text = _environment("text")
        self._precompiled: dict[Any, tuple[PrecompiledTemplate, PrecompiledTemplate]] = {}

    def render(self, kind: MessageKind, content: Content, locale: str) -> RenderedMessage:
        """Render a message. Raises `Rejected` if a required field is absent."""
        absent = missing_fields(kind, content)
        if absent:
            raise Rejected(f"{kind}: expected {', '.join(absent)}")
        localizer = get_localizer(locale, content.timezone, self._timezone)
        values = self._organisation | build_values(content, localizer) | {"body": self._recourse_text(content)}
        html, text = self._precompile(kind, values, content, localizer)
        present = {name: value for name, value in values.items() if value}
        return RenderedMessage(
            subject=f"[{content.reference}] {localizer.sentence(f'subject.{kind}')}",
            html=html.fill({name: str(escape(value)) for name, value in present.items()}),
            text=text.fill({name: _indent(value) if name in INDENTED else value for name, value in present.items()}),
            locale=localizer.language,
            template=f"{kind}/{localizer.language}@{version(kind, localizer.language)}",
        )

    def _recourse_text(self, content: Content) -> str | None:
        """Return the text about the ombudsman or next body if the message names the right to go there."""
        if not content.recourse or content.letter is None:
            return None
        return self._recourse.get(content.letter.partition(":")[0]) or self._recourse.get("*")

    def _precompile(
        self, kind: MessageKind, values: Values, content: Content, localizer: Localizer
    ) -> tuple[PrecompiledTemplate, PrecompiledTemplate]:
        """Return the HTML and text templates for all messages of this kind and language with the same values present.

        The key holds everything on which a template branches: the names of the present values, and four fields.
        """
        names = tuple(name for name, value in values.items() if value)
        branches = (content.progress, content.about, content.recourse, content.repeats)
        key = (kind, localizer.language, branches, names)
        if key not in self._precompiled:
            if len(self._precompiled) >= TEMPLATES_CACHED:
                self._precompiled.clear()
            variables = _variables(kind, values, content, localizer)
            html = self._html.get_template(f"{kind}.j2").render(variables)
            text = self._text.get_template(f"{kind}.j2").render(variables)
            self._precompiled[key] = (
                PrecompiledTemplate.parse(html),
                PrecompiledTemplate.parse(_remove_blank_lines(text)),
            )
        return self._precompiled[key]


def _variables(kind: MessageKind, values: Values, content: Content, localizer: Localizer) -> dict[str, Any]:
    """Return the variables of a template: placeholders for the values, and the sentences of the language."""
    placeholders = {name: placeholder(name) if value else None for name, value in values.items()}
    offers = [placeholder(name) for name in values if name.startswith("offer_")]
    reasons = [placeholder(name) for name in values if name.startswith("reason_")]
    fixed = {
        "kind": kind,
        "language": localizer.language,
        "progress": content.progress,
        "about": content.about,
        "recourse": content.recourse,
        "repeats": content.repeats,
        "say": localizer.sentence,
    }
    return {**placeholders, **fixed, "offers": offers, "reasons": reasons}


@cache
def version(kind: MessageKind, language: str) -> str:
    """Return eight hexadecimal digits of the digest of all sources; any change of text or style changes them."""
    files = (f"kinds/{kind}.j2", "html/layout.j2", "html/parts.j2", "text/layout.j2", "text/parts.j2")
    digest = sha256(read_source(language))
    for name in files:
        digest.update((_FOLDER / name).read_bytes())
    return digest.hexdigest()[:8]


def _environment(format_: Format) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([_FOLDER / "kinds", _FOLDER / format_]),
        autoescape=format_ == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _indent(text: str) -> str:
    """Indent the lines after the first; the template indents the first one."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines()).removeprefix("    ")


def _remove_blank_lines(text: str) -> str:
    """Return plain text without the surplus blank lines of templates: never two in a row, none at the ends."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for above, line in zip(["", *lines], lines, strict=False) if line or above]
    return "\n".join(kept).strip("\n") + "\n"
