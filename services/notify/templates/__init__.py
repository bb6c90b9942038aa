"""Letters: words per language, one template per kind, and the two shapes (HTML, plain text) they are printed in."""

from services.notify.templates.render import RenderedMessage, Renderer

__all__ = ["RenderedMessage", "Renderer"]
