"""Printing a letter: content and language in, subject, HTML and plain text out.

One template per kind is printed through two sets of parts, so that both say the same by construction. The sandbox and
strict undefined values keep a template from doing or missing anything; HTML escapes every value.
"""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notify.domain.content import Content, missing
from services.notify.templates.catalogue import source
from services.notify.templates.speech import Speech
from shared.contracts.events import MessageKind
from shared.errors import Rejected

_FOLDER: Final = Path(__file__).parent
Shape = Literal["html", "text"]


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
        self._organisation = organisation
        self._timezone = timezone
        self._contact_line = contact_line
        self._shapes = {shape: _environment(shape) for shape in ("html", "text")}

    def print(self, kind: MessageKind, content: Content, locale: str) -> Letter:
        """The letter, or `Rejected` when a field is absent without which this kind must not leave."""
        absent = missing(kind, content)
        if absent:
            raise Rejected(f"{kind}: expected {', '.join(absent)}")
        speech = Speech(locale, content.timezone, self._timezone)
        given = self._given(kind, content, speech)
        return Letter(
            subject=f"[{content.reference}] {speech.say(f'subject.{kind}')}",
            html=self._shapes["html"].get_template(f"{kind}.j2").render(given),
            text=_tidy(self._shapes["text"].get_template(f"{kind}.j2").render(given)),
            locale=speech.language,
            template=f"{kind}/{speech.language}@{version(kind, speech.language)}",
        )

    def _given(self, kind: MessageKind, content: Content, speech: Speech) -> dict[str, Any]:
        greeting = speech.say("greeting.named", name=content.name) if content.name else speech.say("greeting.plain")
        return {
            "kind": kind,
            "c": content,
            "say": speech.say,
            "label": speech.label,
            "moment": speech.moment,
            "offers": [speech.offer(redress) for redress in content.redress],
            "owner": _owner(content, speech),
            "greeting": greeting,
            "language": speech.language,
            "organisation": self._organisation,
            "contact_line": self._contact_line,
        }


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
        return f"{content.handler} ({team})" if team else content.handler
    return team or None


def _tidy(text: str) -> str:
    """Plain text without the blank lines that templates leave behind."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for above, line in zip(["", *lines], lines, strict=False) if line or above]
    return "\n".join(kept).strip("\n") + "\n"
