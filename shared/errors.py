"""Exceptions of the project. The class determines the reaction; the docstring of a class is its default message.

- `Rejected` and its subclasses: the same input always gives the same error. An event becomes a dead letter, an HTTP
  request gets a 4xx response, and nothing is retried.
- `Unavailable`: a dependency is not available. The same work may succeed later and is retried with backoff.
- `Misconfigured`: a setting is wrong. The process does not start, or exits.

More specific subclasses stand next to the code that raises them.
"""


class RedressError(Exception):
    """Error of a Redress service."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (type(self).__doc__ or "").strip())

    @property
    def detail(self) -> str:
        """Message for a person."""
        return str(self.args[0])


class Rejected(RedressError):
    """This cannot be done; trying again gives the same result."""


class MalformedRequest(Rejected):
    """A header or a part of the URL does not have the expected form."""


class ImplausibleTime(Rejected):
    """A time or date in a request cannot be right. Carries the field and what was expected, for the response."""

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}")
        self.errors = ({"field": field, "expected": expected, "code": "implausible_time"},)


class IllegalMove(Rejected):
    """The complaint's life cycle has no such transition from its current status."""


class NotFound(Rejected):
    """There is no such complaint."""


class Conflict(Rejected):
    """The request contradicts what has been recorded already."""


class PreconditionFailed(Conflict):
    """The resource has changed since you read it; read it again."""


class PreconditionRequired(Rejected):
    """Send `If-Match` with the ETag of the version you have read, so that no other change is overwritten."""


class Unavailable(RedressError):
    """A dependency is not available; the same request may work later."""


class LostUpdate(Unavailable):
    """Another transaction wrote the same complaint first; the batch has to be decided again."""


class Misconfigured(RedressError):
    """A setting is wrong; the process must not start with it."""


def describe_error(error: Exception) -> str:
    """Return a text that may be stored and shown: the detail of a `Rejected`, otherwise only the exception's class.

    The text of other exceptions may quote personal data.
    """
    return error.detail if isinstance(error, Rejected) else f"{type(error).__module__}.{type(error).__name__}"
