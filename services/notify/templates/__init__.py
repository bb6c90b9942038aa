"""Messages as text: a catalogue per language, a template per kind, and a layout for HTML and for plain text."""

from services.notify.templates.render import RenderedMessage, Renderer

__all__ = ["RenderedMessage", "Renderer"]
