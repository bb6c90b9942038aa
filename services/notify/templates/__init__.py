"""Letters: words per language, one template per kind, and the two shapes (HTML, plain text) they are printed in."""

from services.notify.templates.render import Letter, Printer

__all__ = ["Letter", "Printer"]
